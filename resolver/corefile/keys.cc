// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/keys.h"

#include <algorithm>
#include <optional>

#include "common/net/ip.h"

namespace ipref::resolver {

namespace {

struct Transport {
    std::string_view name;
    uint16_t port;
};
constexpr Transport kTransports[] = {
    {"dns", 53}, {"tls", 853}, {"quic", 853}, {"grpc", 443}, {"https", 443}};

struct Parts {
    Transport transport = kTransports[0];
    std::string_view host;
    std::optional<uint16_t> port;
};

Result<Parts> split(std::string_view text) {
    Parts out;
    if (const auto slashes = text.find("://"); slashes != std::string_view::npos) {
        const auto scheme = text.substr(0, slashes);
        const auto found = std::find_if(std::begin(kTransports), std::end(kTransports),
                                        [&](const Transport& t) { return t.name == scheme; });
        if (found == std::end(kTransports)) {
            return fail("unknown scheme '{}://'; there are dns, tls, quic, grpc and https", scheme);
        }
        out.transport = *found;
        text.remove_prefix(slashes + 3);
    }
    const auto colon = text.rfind(':');
    out.host = text.substr(0, colon);
    if (colon == std::string_view::npos) return out;
    const auto digits = text.substr(colon + 1);
    if (digits.empty()) return fail("port missing behind the colon of '{}'", text);
    if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
        const auto port = net::parse_port(digits);
        if (!port || *port == 0) {
            return fail("address {}: invalid port, expected 1 to 65535", digits);
        }
        out.port = *port;
    } else {
        out.host = text;
    }
    return out;
}

/// Labels of an address' reverse name, most significant first: octets in decimal, or nibbles.
std::vector<std::string> reverse_labels(const net::Ip& ip) {
    std::vector<std::string> out;
    for (const uint8_t byte : ip.bytes()) {
        if (ip.is_v4()) {
            out.push_back(fmt::format("{}", byte));
        } else {
            out.push_back(fmt::format("{:x}", byte >> 4));
            out.push_back(fmt::format("{:x}", byte & 15));
        }
    }
    return out;
}

Result<std::vector<Name>> reverse_zones(const net::Cidr& cidr) {
    const unsigned step = cidr.ip().is_v4() ? 8 : 4;
    const unsigned labels = (cidr.bits() + step - 1) / step;
    const unsigned count = 1U << (labels * step - cidr.bits());
    const auto all = reverse_labels(cidr.ip());
    std::vector<Name> out;
    for (unsigned i = 0; i < count; i++) {
        std::string text;
        for (unsigned l = labels; l-- > 0;) {
            const bool split_label = l + 1 == labels && count > 1;
            const auto first =
                static_cast<unsigned>(std::stoul(all[l], nullptr, step == 8 ? 10 : 16));
            const auto value = split_label ? first + i : first;
            text += step == 8 ? fmt::format("{}.", value) : fmt::format("{:x}.", value);
        }
        auto name = Name::parse(text + (step == 8 ? "in-addr.arpa." : "ip6.arpa."));
        if (!name) return tl::unexpected(name.error());
        out.push_back(*name);
    }
    return out;
}

Result<std::vector<Name>> zones_of(std::string_view host) {
    if (const auto cidr = net::Cidr::parse(host)) return reverse_zones(*cidr);
    if (host.size() > 255) return fail("specified zone is too long: {} > 255", host.size());
    if (const auto ip =
            net::Ip::parse(host.ends_with(':') ? fmt::format("{}:", host) : std::string(host));
        ip && ip->is_v6()) {
        return fail(
            "'{}' is an IPv6 address, not a zone; for its reverse zone write a prefix, as "
            "2001:db8::/32",
            host);
    }
    if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
        return fail("'{}': port '{}' is not a number", host, host.substr(colon + 1));
    }
    if (host.empty()) return fail("zone is not a valid domain name: {}", host);
    auto name = Name::parse(host);
    if (!name) return fail("zone is not a valid domain name: {}: {}", host, name.error().text);
    return std::vector<Name>{name->lower()};
}

}  // namespace

std::string ZoneKey::str() const {
    const auto text = fmt::format("{}:{}", zone.str(), port);
    return transport == "dns" ? text : fmt::format("{}://{}", transport, text);
}

std::string ZoneKey::full() const {
    return fmt::format("{}://{}:{}", transport, zone.str(), port);
}

Result<std::vector<ZoneKey>> parse_key(const Token& key, uint16_t dns_port) {
    const auto located = [&](const Error& error) {
        return fail("{} - error inspecting server blocks: {}", key.at.str(), error.text);
    };
    const auto parts = split(key.text);
    if (!parts) return located(parts.error());
    const auto zones = zones_of(parts->host);
    if (!zones) return located(zones.error());
    const bool plain = parts->transport.name == "dns";
    const uint16_t port = parts->port.value_or(plain ? dns_port : parts->transport.port);
    std::vector<ZoneKey> out;
    for (const auto& zone : *zones) {
        out.push_back({std::string(parts->transport.name), zone, port, key.at});
    }
    return out;
}

Result<std::vector<Name>> normalize_zone(std::string_view text) {
    const auto parts = split(text);
    if (!parts) return tl::unexpected(parts.error());
    return zones_of(parts->host);
}

const Name* longest_zone(std::span<const Name> zones, const Name& name) {
    const Name* best = nullptr;
    for (const auto& zone : zones) {
        const bool longer = best == nullptr || zone.labels() > best->labels();
        if (longer && name.is_under(zone)) best = &zone;
    }
    return best;
}

}  // namespace ipref::resolver
