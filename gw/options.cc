// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/options.h"

#include <sched.h>

#include <algorithm>

#include "gw/datapath/offload/offloads.h"

namespace ipref::gw {

namespace {

constexpr uint32_t kLeastHostBits = 13;  // a dynamic EA needs a byte before the last of 16 or more
constexpr uint32_t kMostThreads = 64;
constexpr uint32_t kMostTracked = 1u << 20;
constexpr uint32_t kMostMeasured = 1000;

/// What the options write before it is put together and judged.
struct Raw {
    Options options;
    std::vector<net::Ip> gateway;
    std::vector<net::Ip> bind;
    std::vector<net::Ip> pub;
    uint32_t port = 1045;
    uint32_t remote_port = 1045;
    bool trace = false;
    bool ticks = false;
};

/// The last one given of a family counts.
template <typename Value>
void put(std::vector<Value>& to, const Value& value, net::Family (*family)(const Value&)) {
    std::erase_if(to, [&](const Value& old) { return family(old) == family(value); });
    to.push_back(value);
}

net::Family family_of(const net::Ip& ip) {
    return ip.family();
}
net::Family family_of(const net::Cidr& cidr) {
    return cidr.family();
}

void address(run::Flags& flags, std::string name, std::vector<net::Ip>& to, std::string help) {
    flags.add(
        {std::move(name), "IP", "", std::move(help), [&to](std::string_view text) -> Result<void> {
             const auto ip = net::Ip::parse(text);
             if (!ip) return tl::unexpected(ip.error());
             if (!ip->is_zero() && !ip->is_global_unicast()) {
                 return fail("{} is neither zero nor a global unicast address", text);
             }
             put<net::Ip>(to, *ip, family_of);
             return {};
         }});
}

Result<void> set_encode_net(std::vector<net::Cidr>& to, std::string_view text) {
    const auto cidr = net::Cidr::parse(text);
    if (!cidr) return tl::unexpected(cidr.error());
    if (cidr->host_bits() < kLeastHostBits) {
        return fail("{} has {} host bits, at least {} are needed; give a prefix of /{} or shorter",
                    text, cidr->host_bits(), kLeastHostBits,
                    cidr->ip().size() * 8 - kLeastHostBits);
    }
    if (!cidr->ip().is_global_unicast()) {
        return fail("{} is not a network of global unicast addresses", text);
    }
    put<net::Cidr>(to, *cidr, family_of);
    return {};
}

void add_addresses(run::Flags& flags, Raw& raw) {
    auto& o = raw.options;
    address(flags, "gateway", raw.gateway,
            "sets -gateway-bind and -gateway-pub where they are not given; once a family.");
    address(flags, "gateway-bind", raw.bind,
            "address to listen on; 0.0.0.0 or :: for all of this host; once a family.");
    address(flags, "gateway-pub", raw.pub,
            "our context address; 0.0.0.0 or :: means whatever the peer sees (client mode, NAT); "
            "once a family.");
    flags.number("gateway-port", raw.port, 1, 65535, "UDP port to listen on.");
    flags.number("remote-gateway-port", raw.remote_port, 1, 65535,
                 "UDP port of remote gateways that have not been heard yet.");
    flags.number("gateway-ifc-mtu", o.gateway_ifc_mtu, 0, 65535,
                 "MTU of the public interface; 0 takes that of the interface that has the bind "
                 "address, or 1500 if none has.");
    flags.add({"gateway-ref", "REF", "1", "the gateway's own reference.",
               [&o](std::string_view text) -> Result<void> {
                   const auto ref = net::Ref::parse(text);
                   if (!ref) return tl::unexpected(ref.error());
                   if (ref->is_zero()) return fail("0 is not a reference");
                   o.gateway_ref = *ref;
                   return {};
               }});
    flags.add({"encode-net", "CIDR", "10.240.0.0/12",
               "network that encoded addresses are from, at least 13 host bits; the gateway's own "
               "is the one with last byte 1. Once a family; the first is what resolvers get that "
               "ask for none.",
               [&o](std::string_view text) { return set_encode_net(o.encode_nets, text); }});
}

void add_debug(run::Flags& flags, Raw& raw) {
    auto& o = raw.options;
    flags.add(
        {"debug", "LIST", "",
         "topics to log about in detail, separated by commas: " + run::topic_names() + ", or all.",
         [&o](std::string_view text) -> Result<void> {
             o.debug |= run::parse_topics(text, o.unknown_topics);
             return {};
         }});
    flags.boolean("trace", raw.trace, "log every packet: -debug packets.");
    flags.boolean("ticks", raw.ticks, "log every turn of the timers: -debug ticks.");
}

void add_rest(run::Flags& flags, Raw& raw) {
    auto& o = raw.options;
    flags.text("data", "DIR", o.data, "directory of the database; made if missing.");
    flags.text("mapper-socket", "PATH", o.mapper_socket, "socket for agents and resolvers.");
    flags.text("hosts", "PATH", o.hosts, "file with static mappings; watched.");
    flags.boolean("dec-ttl", o.dec_ttl, "decrement TTL when forwarding.");
    flags.number("max-remote-gateways", o.max_remote_gateways, 1, kMostTracked,
                 "remote gateways to track; the least recently used go first.");
    flags.number("max-local-ips", o.max_local_ips, 1, kMostTracked,
                 "local hosts to track; the least recently used go first.");
    flags.number("max-buffers", o.max_buffers, 0, UINT32_MAX,
                 "accepted for compatibility, has no effect.");
    flags.boolean("devmode", o.devmode,
                  "no TUN interface and no tunnel: a stand-alone mapper socket.");
    add_debug(flags, raw);
    flags.boolean("time-stamps", o.time_stamps, "begin log lines with date and time.");
    flags.boolean("no-sandbox", o.no_sandbox,
                  "keep all privileges after the start; for debugging.");
    flags.boolean("version", o.version, "print name, version and commit, and exit.");
    flags.boolean("check", o.check,
                  "validate options and hosts file, print what would be used, change nothing; "
                  "exit 0 if all is well, else 2.");
    flags.add({"metrics", "ADDR:PORT", "",
               "serve /metrics, /healthz, /readyz and a status page by HTTP there.",
               [&o](std::string_view text) -> Result<void> {
                   const auto at = net::Endpoint::parse(text, 0);
                   if (!at) return tl::unexpected(at.error());
                   if (at->port == 0) return fail("\"{}\" names no port, give ADDR:PORT", text);
                   o.metrics = *at;
                   return {};
               }});
    flags.number("metrics-peers", o.metrics_peers, 0, kMostMeasured,
                 "remote gateways that have metrics of their own, those heard of last.");
    flags.add({"log-format", "text|json", "text", "one line an event, in this format.",
               [&o](std::string_view text) -> Result<void> {
                   const auto format = run::parse_log_format(text, run::LogFormat::letter);
                   if (!format) return tl::unexpected(format.error());
                   o.log_format = *format;
                   return {};
               }});
    flags.add({"tun", "NAME", "", "name of the TUN interface; the first free tunN if not given.",
               [&o](std::string_view text) -> Result<void> {
                   const bool odd = text.find_first_of("/ %:") != std::string_view::npos;
                   if (text.empty() || text.size() > 15 || odd || text == "." || text == "..") {
                       return fail(
                           "\"{}\" is not an interface name: 1 to 15 characters, none of "
                           "\"/ %:\"",
                           text);
                   }
                   o.tun = text;
                   return {};
               }});
    flags.number("threads", o.threads, 0, kMostThreads,
                 "data-path threads; 0 is one per CPU, at most 8.");
    flags.add({"disable-offload", "LIST", "",
               "offloads not to be used, separated by commas: tun-checksum, tun-tso, tun-uso, "
               "tun-gro-tcp, tun-gro-udp, udp-gso, udp-gro, or all; where a driver is broken.",
               [&o](std::string_view text) -> Result<void> {
                   const auto bits = parse_offloads(text);
                   if (!bits) return tl::unexpected(bits.error());
                   o.disabled_offloads |= *bits;
                   return {};
               }});
}

run::Flags table(Raw& raw) {
    run::Flags flags("ipref-gw", "[options] | COMMAND [options]",
                     "IPREF gateway: carries packets between this site's hosts and those of other "
                     "sites by reference, and keeps the mappings.");
    add_addresses(flags, raw);
    add_rest(flags, raw);
    return flags;
}

const net::Ip* of_family(const std::vector<net::Ip>& ips, net::Family family) {
    const auto at = std::find_if(ips.begin(), ips.end(),
                                 [&](const net::Ip& ip) { return ip.family() == family; });
    return at == ips.end() ? nullptr : &*at;
}

/// Joins -gateway, -gateway-bind and -gateway-pub: one pair for each family that any names.
/// A bind address alone is also the public one; a public address alone is listened for everywhere,
/// unless a lone bind address of the other family looks like its other half.
Result<void> join_gateways(Raw& raw) {
    for (const auto family : {net::Family::v4, net::Family::v6}) {
        const auto* both = of_family(raw.gateway, family);
        const auto* bind = of_family(raw.bind, family);
        const auto* pub = of_family(raw.pub, family);
        if (both == nullptr && bind == nullptr && pub == nullptr) continue;
        const bool lone = both == nullptr && (bind == nullptr || pub == nullptr);
        const auto other = family == net::Family::v4 ? net::Family::v6 : net::Family::v4;
        const auto* other_bind = of_family(raw.bind, other);
        const bool other_lone = other_bind != nullptr && of_family(raw.pub, other) == nullptr &&
                                of_family(raw.gateway, other) == nullptr;
        if (lone && bind == nullptr && other_lone) {
            return fail(
                "-gateway-bind {} and -gateway-pub {} are of different families; to serve both, "
                "give both of each",
                other_bind->str(), pub->str());
        }
        GatewayAddress joined;
        joined.pub = pub != nullptr ? *pub : both != nullptr ? *both : *bind;
        joined.bind = bind != nullptr ? *bind : both != nullptr ? *both : net::Ip::any(family);
        raw.options.gateways.push_back(joined);
    }
    return {};
}

Result<void> judge(const Options& o) {
    if (o.gateways.empty()) {
        return fail(
            "one of -gateway, -gateway-bind, -gateway-pub is required; behind a NAT give "
            "-gateway 0.0.0.0, else this site's public address");
    }
    for (const auto& gateway : o.gateways) {
        for (const auto& net : o.encode_nets) {
            for (const auto& ip : {gateway.bind, gateway.pub}) {
                if (!net.contains(ip)) continue;
                return fail(
                    "gateway address {} lies in the encode network {}; choose another "
                    "-encode-net",
                    ip.str(), net.str());
            }
        }
    }
    return {};
}

}  // namespace

run::Flags option_table() {
    static Raw nowhere;
    return table(nowhere);
}

Result<CommandLine> parse_options(const std::vector<std::string>& arguments) {
    Raw raw;
    const auto parsed = table(raw).parse(arguments);
    if (!parsed) return tl::unexpected(parsed.error());
    CommandLine line;
    line.help = parsed->help;
    auto& o = raw.options;
    if (!line.help && !o.version) {
        if (!parsed->rest.empty()) {
            return fail("unexpected argument \"{}\"; ipref-gw -h lists the options",
                        parsed->rest.front());
        }
        if (o.encode_nets.empty()) o.encode_nets.emplace_back(net::Ip::v4(0x0af00000), 12);
        o.gateway_port = static_cast<uint16_t>(raw.port);
        o.remote_gateway_port = static_cast<uint16_t>(raw.remote_port);
        if (raw.trace) o.debug |= run::topic_bit(run::Topic::packets);
        if (raw.ticks) o.debug |= run::topic_bit(run::Topic::ticks);
        // A mapper socket alone needs no address of ours: theirs is all that resolvers ask about.
        if (o.devmode && raw.gateway.empty() && raw.bind.empty() && raw.pub.empty()) {
            raw.gateway.push_back(net::Ip::any(net::Family::v4));
        }
        if (auto joined = join_gateways(raw); !joined) return tl::unexpected(joined.error());
        if (auto judged = judge(o); !judged) return tl::unexpected(judged.error());
    }
    line.options = std::move(o);
    return line;
}

unsigned worker_count(const Options& options) {
    if (options.threads != 0) return options.threads;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const int count = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return static_cast<unsigned>(std::clamp(count, 1, 8));
}

std::string describe(const Options& o) {
    std::string out;
    const auto line = [&out](std::string_view name, const auto& value) {
        out += fmt::format("{} {}\n", name, value);
    };
    for (const auto& gateway : o.gateways) {
        line("gateway-bind", gateway.bind.str());
        line("gateway-pub", gateway.pub.str());
    }
    for (const auto& net : o.encode_nets) line("encode-net", net.str());
    line("gateway-port", o.gateway_port);
    line("remote-gateway-port", o.remote_gateway_port);
    line("gateway-ref", o.gateway_ref.str());
    line("data", o.data);
    line("mapper-socket", o.mapper_socket);
    line("hosts", o.hosts);
    line("tun", o.tun.empty() ? "first free tunN" : o.tun);
    line("threads", worker_count(o));
    line("disable-offload", offload_names(o.disabled_offloads));
    line("dec-ttl", o.dec_ttl);
    line("max-remote-gateways", o.max_remote_gateways);
    line("max-local-ips", o.max_local_ips);
    line("metrics", o.metrics ? o.metrics->str() : "off");
    line("metrics-peers", o.metrics_peers);
    line("devmode", o.devmode);
    return out;
}

}  // namespace ipref::gw
