// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/source.h"

#include <algorithm>

#include "common/net/ip.h"

namespace ipref::agent {

namespace {

constexpr std::string_view kSyntax = "write LOCAL:PUBLIC:SERVER[:PORT][/query][,...]";

std::string without_dot(const dns::Name& name) {
    auto text = name.lower().str();
    if (text.size() > 1) text.pop_back();
    return text;
}

/// Escapes would let a name hold what separates the parts of a source.
Result<dns::Name> parse_plain_name(std::string_view text) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./*+=~";
    if (text.find_first_not_of(kAllowed) != std::string_view::npos) {
        return fail("a name has letters, digits and -_./*+=~ only; others are written xn--...");
    }
    return dns::Name::parse(text);
}

/// The domain before the next ':', which is taken off `text` too.
Result<dns::Name> take_domain(std::string_view& text, std::string_view what) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return fail("there is no \":\" behind {}; {}", what, kSyntax);
    const auto word = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    if (word.empty()) return fail("the {} domain is empty; {}", what, kSyntax);
    auto name = parse_plain_name(word);
    if (!name) return fail("{} domain \"{}\": {}", what, word, name.error().text);
    if (name->is_root()) return fail("the {} domain cannot be the root", what);
    return name;
}

Result<Server> parse_host_name(std::string_view text) {
    Server server;
    const auto colon = text.find(':');
    if (colon != std::string_view::npos) {
        const auto port = net::parse_port(text.substr(colon + 1));
        if (!port) return tl::unexpected(port.error());
        server.port = *port;
    }
    const auto name = parse_plain_name(text.substr(0, colon));
    if (!name) return tl::unexpected(name.error());
    if (name->is_root()) return fail("it is neither an address nor a name");
    server.host = without_dot(*name);
    return server;
}

/// "/query" at the end is taken off.
bool take_way(std::string_view& text) {
    constexpr std::string_view kWay = "/query";
    if (text.size() < kWay.size() || text.substr(text.size() - kWay.size()) != kWay) return false;
    text.remove_suffix(kWay.size());
    return true;
}

Result<Server> parse_server(std::string_view text) {
    const auto given = text;
    const bool by_query = take_way(text);
    if (text.empty()) return fail("a server is empty; {}", kSyntax);
    if (text.find('/') != std::string_view::npos) {
        return fail("server \"{}\": only /query may follow a server, or nothing", given);
    }
    const bool bracketed = text[0] == '[';
    if (!bracketed && std::count(text.begin(), text.end(), ':') > 1) {
        return fail("server \"{}\": IPv6 is written [2001:db8::53]:53", given);
    }
    const auto endpoint = net::Endpoint::parse(text, 53);
    if (!endpoint && bracketed) {
        return fail("server \"{}\": {}; IPv6 is written [2001:db8::53]:53", given,
                    endpoint.error().text);
    }
    auto server = endpoint ? Result<Server>(Server{endpoint->ip.str(), endpoint->port, false})
                           : parse_host_name(text);
    if (!server) return fail("server \"{}\": {}", given, server.error().text);
    if (server->port == 0) return fail("server \"{}\": port 0", given);
    server->by_query = by_query;
    return server;
}

Result<Source> parse(std::string_view text) {
    Source source;
    auto local = take_domain(text, "LOCAL");
    if (!local) return tl::unexpected(local.error());
    auto public_zone = take_domain(text, "PUBLIC");
    if (!public_zone) return tl::unexpected(public_zone.error());
    source.local = *local;
    source.public_zone = *public_zone;
    while (true) {
        const auto comma = text.find(',');
        auto server = parse_server(text.substr(0, comma));
        if (!server) return tl::unexpected(server.error());
        const auto& known = source.servers;
        const auto same = [&](const Server& one) {
            return one.host == server->host && one.port == server->port;
        };
        if (std::any_of(known.begin(), known.end(), same)) {
            return fail("server {} stands there twice", server->str());
        }
        if (known.size() == kMostServers) return fail("more than {} servers", kMostServers);
        source.servers.push_back(std::move(*server));
        if (comma == std::string_view::npos) return source;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

std::string Server::str() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port,
                       by_query ? "/query" : "");
}

mapper::Source Source::id() const {
    return {without_dot(local), without_dot(public_zone)};
}

std::string Source::str() const {
    return without_dot(local) + ":" + without_dot(public_zone);
}

Result<Source> parse_source(std::string_view text) {
    auto source = parse(text);
    if (!source) return fail("source \"{}\": {}", text, source.error().text);
    return source;
}

Result<void> add_source(std::string_view text, std::vector<Source>& sources) {
    auto source = parse_source(text);
    if (!source) return tl::unexpected(source.error());
    for (const auto& other : sources) {
        if (other.str() != source->str()) continue;
        return fail(
            "source \"{}\": {} stands there twice; list its servers behind one, "
            "separated by commas",
            text, source->str());
    }
    sources.push_back(std::move(*source));
    return {};
}

Result<std::vector<Source>> parse_sources(const std::vector<std::string>& texts) {
    std::vector<Source> sources;
    for (const auto& text : texts) {
        if (auto added = add_source(text, sources); !added) return tl::unexpected(added.error());
    }
    return sources;
}

}  // namespace ipref::agent
