// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/options.h"

#include <algorithm>

#include "common/dns/resolver.h"
#include "common/mapper/client.h"
#include "dns-agent/names_file.h"
#include "dns-agent/sources_file.h"

namespace ipref::agent {

namespace {

/// An option whose text is parsed into a variable.
template <typename Value, typename Parse>
void parsed(run::Flags& flags, std::string name, std::string value, std::string fallback,
            std::string help, Value& to, Parse parse) {
    flags.add({std::move(name), std::move(value), std::move(fallback), std::move(help),
               [&to, parse](std::string_view text) -> Result<void> {
                   auto result = parse(text);
                   if (!result) return tl::unexpected(result.error());
                   to = std::move(*result);
                   return {};
               }});
}

Result<net::Family> parse_family(std::string_view text) {
    if (text == "4") return net::Family::v4;
    if (text == "6") return net::Family::v6;
    return fail("\"{}\" is neither 4 nor 6", text);
}

Result<net::Endpoint> parse_listener(std::string_view text) {
    auto at = net::Endpoint::parse(text, 0);
    if (at && at->port == 0) return fail("\"{}\" names no port, give ADDR:PORT", text);
    return at;
}

/// How servers are asked.
void add_transfer_options(run::Flags& flags, Options& to) {
    parsed(flags, "tsig", "NAME:ALG:SECRET-FILE", "",
           "sign transfers from the sources' servers (TSIG), and take signed answers only; what "
           "SERVER/query is asked is signed with -tsig-queries only. ALG is hmac-sha256, "
           "hmac-sha384 or hmac-sha512, "
           "the file holds the secret in base64 and must not be readable by everybody.",
           to.tsig, dns::parse_tsig);
    flags.boolean("tsig-queries", to.tsig_queries,
                  "sign what SERVER/query is asked with the key of -tsig, too, and take signed "
                  "answers only: for servers that know the key, which those of a provider do not.");
    flags.boolean("dnssec", to.dnssec,
                  "take zones only whose AA records are signed, by keys that the root of the DNS "
                  "vouches for (DNSSEC).");
    flags.add({"trust-anchor", "FILE", "the root's",
               "DS or DNSKEY records that -dnssec trusts, one a line, instead of the root's.",
               [&to](std::string_view text) -> Result<void> {
                   if (text.empty()) return fail("the file has no name");
                   to.anchors_path = text;
                   return {};
               }});
    flags.add({"names", "FILE", "",
               "names that SERVER/query is asked for, one a line, # begins a comment: web stands "
               "for web.PUBLIC of every source, web.example.com. (with a dot at the end) for "
               "itself; read at every poll.",
               [&to](std::string_view text) -> Result<void> {
                   if (text.empty()) return fail("the file has no name");
                   to.names_path = text;
                   return {};
               }});
    flags.number("max-transfer-size", to.transfer_megabytes, 1, 4096,
                 "largest answer that is taken from a server, in MB.");
    flags.number(
        "max-transfer-time", to.transfer_seconds, 1, 86'400,
        "longest time that an answer of a server may take, in seconds; for differences half "
        "of it. A poll with all that it asks may take 10 s more.");
    flags.number("max-transfer-idle", to.transfer_idle_seconds, 1, 3600,
                 "longest silence of a server before and within an answer, in seconds.");
}

}  // namespace

run::Flags option_table(Options& to) {
    run::Flags flags("ipref-dns-agent", "[options] LOCAL:PUBLIC:SERVER[:PORT][/query][,...] ...",
                     "Tells the mapper which published references belong to which local hosts: "
                     "transfers the zone PUBLIC from each SERVER, takes its AA records, and looks "
                     "up each host under LOCAL. SERVER/query does not allow the transfer: it is "
                     "asked for the TXT records of one name after the other, those of LOCAL "
                     "(transferred from -resolver) or of a file (-names). Without sources the "
                     "agent stays connected and idle.");
    parsed(flags, "m", "URL", mapper::kDefaultUrl, "the gateway's mapper socket.", to.mapper_path,
           mapper::parse_mapper_url);
    flags.number("t", to.interval_minutes, 1, 10080,
                 "about how often to poll, in minutes; spread at random.");
    parsed(flags, "ea-ipver", "4|6", "4", "family of the local hosts' addresses.", to.families.ea,
           parse_family);
    parsed(flags, "gw-ipver", "4|6", "4", "family of the gateways' addresses.", to.families.gw,
           parse_family);
    flags.boolean("debug", to.debug, "log in detail.");
    flags.boolean("devmode", to.devmode,
                  "no mapper: print on standard output what would be sent to it.");
    flags.boolean("time-stamps", to.time_stamps, "begin log lines with date and time.");
    flags.boolean("no-sandbox", to.no_sandbox,
                  "keep all privileges after the start; for debugging.");
    flags.boolean("version", to.version, "print name, version and commit, and exit.");
    flags.boolean("check", to.check,
                  "validate options and sources, print what would be used, change nothing; exit 0 "
                  "if all is well, else 2.");
    flags.add({"metrics", "ADDR:PORT", "", "serve /metrics, /healthz and /readyz by HTTP there.",
               [&to](std::string_view text) -> Result<void> {
                   const auto at = parse_listener(text);
                   if (!at) return tl::unexpected(at.error());
                   to.metrics = *at;
                   return {};
               }});
    flags.add({"notify", "ADDR:PORT", "",
               "hear there, over UDP and TCP, from the sources' servers that a zone has changed "
               "(NOTIFY), "
               "and transfer it at once; with -tsig, only if that is signed.",
               [&to](std::string_view text) -> Result<void> {
                   const auto at = parse_listener(text);
                   if (!at) return tl::unexpected(at.error());
                   to.notify = *at;
                   return {};
               }});
    add_transfer_options(flags, to);
    parsed(flags, "log-format", "text|json", "text", "one line an event, in this format.",
           to.log_format, [](std::string_view text) {
               return run::parse_log_format(text, run::LogFormat::letter);
           });
    parsed(flags, "mapper-protocol", "auto|protobuf|v1", "auto",
           "auto speaks protobuf, and V1 to a gateway that does not answer it.", to.protocol,
           mapper::parse_protocol);
    parsed(flags, "resolver", "ADDR[:PORT]", "the system's",
           "name server that LOCAL and gateway names are looked up at; several are separated by "
           "commas. One that allows the transfer of LOCAL is not asked for each of many hosts.",
           to.resolvers, dns::parse_servers);
    flags.add({"sources", "FILE", "",
               "more sources, one a line, # begins a comment; read again on SIGHUP and when it "
               "changes, and with a mistake in it the sources of before stay.",
               [&to](std::string_view text) -> Result<void> {
                   if (text.empty()) return fail("the file has no name");
                   to.sources_path = text;
                   return {};
               }});
    return flags;
}

namespace {

Result<void> read_anchors(Options& options) {
    if (!options.dnssec) {
        if (options.anchors_path.empty()) return {};
        return fail("option -trust-anchor counts with -dnssec only");
    }
    options.anchors = dns::root_anchors();
    if (options.anchors_path.empty()) return {};
    auto anchors = dns::read_anchors(options.anchors_path);
    if (!anchors) return tl::unexpected(anchors.error());
    options.anchors = std::move(*anchors);
    return {};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
    Options options;
    const auto flags = option_table(options);
    const auto rest = flags.parse(arguments);
    if (!rest) return tl::unexpected(rest.error());
    options.help = rest->help;
    if (options.help || options.version) return options;
    if (options.tsig_queries && !options.tsig) {
        return fail("option -tsig-queries counts with -tsig only");
    }
    if (auto read = read_anchors(options); !read) return tl::unexpected(read.error());
    auto sources = parse_sources(rest->rest);
    if (!sources) return tl::unexpected(sources.error());
    options.given_sources = options.sources = std::move(*sources);
    if (!options.sources_path.empty()) {
        auto all = with_sources_file(options.given_sources, options.sources_path);
        if (!all) return tl::unexpected(all.error());
        options.sources = std::move(*all);
    }
    if (auto checked = check_names(options, options.sources); !checked) {
        return tl::unexpected(checked.error());
    }
    return options;
}

dns::TransferLimits Options::transfer_limits() const {
    const run::Milliseconds idle = std::chrono::seconds(transfer_idle_seconds);
    return {.connect = std::min(dns::TransferLimits{}.connect, idle),
            .silence = idle,
            .whole = std::chrono::seconds(transfer_seconds),
            .bytes = uint64_t{transfer_megabytes} << 20};
}

Result<void> check_names(const Options& options, const std::vector<Source>& sources) {
    for (const auto& source : sources) {
        const auto& servers = source.servers;
        const bool asked = std::any_of(servers.begin(), servers.end(),
                                       [](const Server& one) { return one.by_query; });
        if (!asked) continue;
        if (!options.names_path.empty()) {
            const auto names = read_names(options.names_path, source.public_zone);
            if (!names) return tl::unexpected(names.error());
        } else if (options.resolvers.empty()) {
            return fail(
                "source {}: SERVER/query needs names to ask for: give -resolver with a server that "
                "allows the transfer of {}, or -names with a file of them",
                source.str(), source.local.str());
        }
    }
    return {};
}

std::string summary(const Options& options) {
    std::string text = options.devmode
                           ? "mapper: none (-devmode)\n"
                           : fmt::format("mapper: {}, protocol {}\n", options.mapper_path,
                                         mapper::name_of(options.protocol));
    text += fmt::format("poll: about every {} min\n", options.interval_minutes);
    text += fmt::format("families: local hosts IPv{}, gateways IPv{}\n",
                        static_cast<unsigned>(options.families.ea),
                        static_cast<unsigned>(options.families.gw));
    std::string servers;
    for (const auto& one : options.resolvers) servers += (servers.empty() ? "" : ", ") + one.str();
    text += fmt::format("resolver: {}\n", servers.empty() ? "the system's" : servers);
    text +=
        fmt::format("transfers: at most {} MB, {} s, {} s of silence\n", options.transfer_megabytes,
                    options.transfer_seconds, options.transfer_idle_seconds);
    if (options.metrics) text += fmt::format("metrics: {}\n", options.metrics->str());
    if (options.notify) text += fmt::format("notify: {}\n", options.notify->str());
    if (!options.names_path.empty()) {
        text += fmt::format("names for /query: {}\n", options.names_path);
    }
    if (options.dnssec) {
        text += fmt::format("dnssec: zones must be signed, trust anchors: {}\n",
                            options.anchors_path.empty() ? "the root's" : options.anchors_path);
    }
    if (options.tsig) {
        text += fmt::format("tsig: key {}, {}{}\n", options.tsig->name.str(),
                            dns::name_of(options.tsig->algorithm),
                            options.tsig_queries ? ", questions to /query as well" : "");
    }
    for (const auto& source : options.sources) {
        text += fmt::format("source {}: zone {} from", source.str(), source.public_zone.str());
        for (const auto& server : source.servers) text += " " + server.str();
        text +=
            fmt::format(", {} of {} must agree; hosts under {}\n", source.servers.size() / 2 + 1,
                        source.servers.size(), source.local.str());
    }
    if (options.sources.empty()) text += "no source: client mode, nothing is published\n";
    return text;
}

}  // namespace ipref::agent
