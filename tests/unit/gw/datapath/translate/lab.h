// SPDX-License-Identifier: GPL-2.0-or-later
// Two sites with a host each, packets between them, and checksums added up by the letter of
// RFC 1071, independently of the code under test.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gw/datapath/translate/icmp_error.h"
#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/translate.h"
#include "vectors/static_lookup.h"

namespace ipref::test {

using net::Family;
using net::Ip;
using net::IpRef;
using net::Ref;
using ByteVector = std::vector<uint8_t>;

inline Ip ip(const std::string& text) {
    return Ip::parse(text).value();
}

/// The folded sum in host order; 0xffff for bytes with a right checksum among them.
inline uint16_t plain_sum(const ByteVector& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(sum);
}

inline void append(ByteVector& to, std::span<const uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void append16(ByteVector& to, size_t value) {
    to.push_back(static_cast<uint8_t>(value >> 8));
    to.push_back(static_cast<uint8_t>(value));
}
inline void set16(ByteVector& in, size_t at, size_t value) {
    in[at] = static_cast<uint8_t>(value >> 8);
    in[at + 1] = static_cast<uint8_t>(value);
}
inline size_t get16(const ByteVector& in, size_t at) {
    return static_cast<size_t>(in[at] << 8 | in[at + 1]);
}

/// Pseudo-header and segment, to be summed. Addresses are left out in the tunnel.
inline ByteVector covered(const IpRef* addresses, uint8_t protocol, const ByteVector& segment) {
    ByteVector all;
    if (addresses != nullptr) {
        append(all, addresses[0].ip.bytes());
        append(all, addresses[1].ip.bytes());
    }
    append16(all, segment.size());
    append16(all, protocol);
    append(all, segment);
    return all;
}

inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIcmp = 1;  // of either family
inline constexpr uint8_t kDccp = 33;
inline constexpr uint8_t kUdpLite = 136;

/// Offset of the checksum field of protocols that have one; 0 for the others.
inline size_t checksum_at(uint8_t protocol) {
    switch (protocol) {
        case kTcp:
            return 16;
        case kUdp:
        case kDccp:
        case kUdpLite:
            return 6;
        case kIcmp:
        case 58:
            return 2;
        default:
            return 0;
    }
}

/// A segment with payload that depends on `size` (its whole length) alone.
inline ByteVector segment(uint8_t protocol, size_t size) {
    ByteVector bytes(size);
    for (size_t i = 0; i < size; i++) bytes[i] = static_cast<uint8_t>(i * 37 + size);
    if (protocol == kUdp && size >= 8) set16(bytes, 4, size);
    return bytes;
}

/// An ICMP message: type, code, four bytes, data.
inline ByteVector icmp(uint8_t type, uint8_t code, uint32_t rest, const ByteVector& data) {
    ByteVector bytes{type, code, 0, 0};
    append16(bytes, rest >> 16);
    append16(bytes, rest & 0xffff);
    append(bytes, data);
    return bytes;
}

/// What varies between packets besides addresses and contents.
struct Extra {
    uint8_t ttl = 60;
    bool df = false;
    std::optional<wire::Fragment> fragment;
};

/// A packet of the local side, `protocol` 1 for ICMP of either family, its checksum made right.
inline ByteVector local_packet(const Ip& from, const Ip& to, uint8_t protocol, ByteVector bytes,
                               const Extra& extra = {}) {
    const IpRef addresses[] = {{from, {}}, {to, {}}};
    const uint8_t number = gw::ip_protocol(from.family(), protocol);
    const size_t at = checksum_at(protocol);
    const bool whole = !extra.fragment || extra.fragment->atomic();
    if (at != 0 && whole) {
        set16(bytes, at, 0);
        const bool pseudo = number != kIcmp;
        const auto all = pseudo ? covered(addresses, number, bytes) : bytes;
        set16(bytes, at, static_cast<uint16_t>(~plain_sum(all)));
    }
    std::array<uint8_t, gw::kMaxIpHeader> header;
    const size_t size = gw::build_ip_header({from, to, extra.ttl, number, extra.df, extra.fragment},
                                            bytes.size(), header);
    ByteVector packet(header.begin(), header.begin() + static_cast<ptrdiff_t>(size));
    append(packet, bytes);
    return packet;
}

/// Likewise for the tunnel.
inline ByteVector tunnel_packet(const IpRef& from, const IpRef& to, uint8_t protocol,
                                ByteVector bytes, const Extra& extra = {}) {
    const size_t at = checksum_at(protocol);
    const bool whole = !extra.fragment || extra.fragment->atomic();
    if (at != 0 && whole) {
        set16(bytes, at, 0);
        const auto all = protocol == kIcmp ? bytes : covered(nullptr, protocol, bytes);
        set16(bytes, at, static_cast<uint16_t>(~plain_sum(all)));
    }
    std::array<uint8_t, wire::kMaxTunnelHeader> header;
    const size_t size = wire::build_tunnel_header(
        {from, to, extra.ttl, protocol, extra.df, extra.fragment}, header);
    ByteVector packet(header.begin(), header.begin() + static_cast<ptrdiff_t>(size));
    append(packet, bytes);
    return packet;
}

/// A packet read back: header, segment, and whether its checksums are right.
struct Seen {
    Ip source;
    Ip destination;
    wire::TunnelHeader tunnel;  // if it was one
    uint8_t ttl = 0;
    uint8_t protocol = 0;
    bool df = false;
    std::optional<wire::Fragment> fragment;
    ByteVector bytes;  // segment
    bool checksum = false;
};

inline bool sums_up(const IpRef* addresses, uint8_t protocol, bool pseudo, const ByteVector& all) {
    if (checksum_at(protocol) == 0) return true;
    // Only nothing but zeros adds up to 0, which is the same number as 0xffff.
    const uint16_t sum = plain_sum(pseudo ? covered(addresses, protocol, all) : all);
    return sum == 0xffff || sum == 0;
}

inline Seen see_local(const ByteVector& packet) {
    const auto parsed = gw::parse_ip_header(packet, gw::Completeness::whole).value();
    const auto& header = parsed.header;
    Seen seen{header.source,
              header.destination,
              {},
              header.ttl,
              header.protocol,
              header.df,
              header.fragment,
              {packet.begin() + static_cast<ptrdiff_t>(parsed.size), packet.end()},
              false};
    const IpRef addresses[] = {{header.source, {}}, {header.destination, {}}};
    seen.checksum = sums_up(addresses, header.protocol, header.protocol != kIcmp, seen.bytes);
    if (header.source.is_v4()) {
        seen.checksum &= plain_sum({packet.begin(), packet.begin() + 20}) == 0xffff;
    }
    return seen;
}

inline Seen see_tunnel(const ByteVector& packet) {
    const auto parsed = wire::parse_tunnel_header(packet).value();
    const auto& header = parsed.header;
    Seen seen{header.source.ip,
              header.destination.ip,
              header,
              header.ttl,
              header.protocol,
              header.df,
              header.fragment,
              {packet.begin() + static_cast<ptrdiff_t>(parsed.size), packet.end()},
              false};
    seen.checksum = sums_up(nullptr, header.protocol, header.protocol != kIcmp, seen.bytes);
    return seen;
}

/// What came of one packet.
struct Done {
    gw::Verdict verdict;
    std::vector<ByteVector> out;

    bool forwarded() const { return verdict.action == gw::Action::forward; }
    bool dropped(gw::DropReason reason) const {
        return verdict.action == gw::Action::drop && verdict.reason == reason;
    }
    bool answered(gw::DropReason reason) const {
        return verdict.action == gw::Action::answer && verdict.reason == reason;
    }
};

/// A gateway with one host behind it that knows one remote host.
struct Site {
    Site(Family ea, Family gw, const Ip& our_pub, const Ip& host_ip, const Ref& ref,
         const IpRef& their, const Ip& their_ea)
        : host(host_ip), ours{our_pub, ref}, theirs(their), remote(their_ea) {
        const auto net = gw::encode_net(
            net::Cidr::parse(ea == Family::v4 ? "10.240.0.0/12" : "fd00:240::/64").value());
        (ea == Family::v4 ? settings.ea4 : settings.ea6) = net;
        (gw == Family::v4 ? settings.pub4 : settings.pub6) = our_pub;
        gateway = net.gateway;
        lookup.add_ours(host, ours);
        lookup.add_theirs(remote, theirs);
    }

    Done encap(const ByteVector& packet, gw::Time now = {}) {
        return run(packet, [&](gw::Bytes bytes) {
            return gw::encap(bytes, {settings, lookup, encap_waiting}, now, plan);
        });
    }
    Done decap(const ByteVector& packet, const Ip& peer, gw::Time now = {}) {
        return run(packet, [&](gw::Bytes bytes) {
            return gw::decap(bytes, peer, {settings, lookup, decap_waiting}, now, plan);
        });
    }
    Done decap(const ByteVector& packet) { return decap(packet, theirs.ip); }

    gw::Settings settings;
    StaticLookup lookup;
    Ip host;
    IpRef ours;
    IpRef theirs;
    Ip remote;   // EA of theirs
    Ip gateway;  // EA of the gateway
    gw::DropCounters drops;
    gw::WaitingFragments encap_waiting{drops};
    gw::WaitingFragments decap_waiting{drops};
    gw::Plan plan;

  private:
    template <typename Translate>
    Done run(const ByteVector& packet, Translate translate) {
        ByteVector buffer(gw::kHeadroom, 0xee);
        append(buffer, packet);
        gw::Packet in(buffer, gw::kHeadroom, packet.size());
        Done result{translate(in.bytes()), {}};
        if (!result.forwarded()) return result;
        gw::apply(plan, in);
        result.out.emplace_back(in.bytes().begin(), in.bytes().end());
        if (plan.released) {
            const auto bytes = plan.released->bytes;
            result.out.emplace_back(bytes.begin(), bytes.end());
        }
        return result;
    }
};

inline const Ref kRefA{0x7f00000000000000, 0x123456789a0c03};
inline const Ref kRefB{0, 0x41a};

/// Host a behind gateway A, host b behind gateway B, each knowing the other.
struct Lab {
    Lab(Family ea_a, Family ea_b, Family gw)
        : a(ea_a, gw, pub(gw, 1), host(ea_a, 1), kRefA, {pub(gw, 2), kRefB}, ea(ea_a)),
          b(ea_b, gw, pub(gw, 2), host(ea_b, 2), kRefB, {pub(gw, 1), kRefA}, ea(ea_b)) {}
    static Ip pub(Family family, int n) {
        return ip((family == Family::v4 ? "203.0.113." : "2001:db8::") + std::to_string(n));
    }
    static Ip host(Family family, int n) {
        return ip((family == Family::v4 ? "10.1.0." : "fd01::") + std::to_string(n));
    }
    static Ip ea(Family family) {
        return ip(family == Family::v4 ? "10.240.8.21" : "fd00:240::815");
    }

    Site a;
    Site b;
};

inline constexpr Family kFamilies[] = {Family::v4, Family::v6};

}  // namespace ipref::test
