// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/icmp_error.h"

#include <algorithm>
#include <cstring>

#include "common/wire/cursor.h"
#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/sides.h"

namespace ipref::gw {

namespace {

using net::Checksum;
using net::Family;

constexpr uint8_t kTtl = 64;

/// The line of icmp_mappings() that an error is.
const IcmpMapping& mapping_of(IcmpError error) {
    switch (error) {
        case IcmpError::ttl_expired:
            return *find_icmp(IcmpSide::tunnel, {11, 0});
        case IcmpError::fragmentation_needed:
            return *find_icmp(IcmpSide::tunnel, {3, 4});
        case IcmpError::net_unreachable:
            break;
    }
    return *find_icmp(IcmpSide::tunnel, {3, 0});
}

/// Writes type, code, MTU and quote; `pseudo` is the sum of the pseudo-header but for the length.
void write_message(std::span<uint8_t> out, const IcmpType& type, uint32_t rest, Bytes quote,
                   const std::optional<Checksum>& pseudo) {
    wire::Writer writer(out);
    writer.u8(type.type);
    writer.u8(type.code);
    writer.u16(0);
    writer.u32(rest);
    writer.bytes(quote);
    Checksum sum;
    sum.add(out);
    if (pseudo) sum.add(*pseudo).add_number(static_cast<uint16_t>(out.size()));
    const uint16_t field = sum.field();
    std::memcpy(out.data() + 2, &field, sizeof field);
}

Bytes quote_of(Bytes original) {
    return original.first(std::min(original.size(), kMaxQuote));
}

bool may_answer(Bytes segment, uint8_t protocol, const std::optional<wire::Fragment>& fragment,
                IcmpSide side) {
    const auto classified = classify(segment, protocol, fragment, side);
    return classified && classified->answerable;
}

}  // namespace

bool may_answer_local(Bytes packet) {
    const auto parsed = parse_ip_header(packet, Completeness::quoted);
    if (!parsed || !parsed->header.destination.is_global_unicast()) return false;
    const Family family = parsed->header.source.family();
    return may_answer(packet.subspan(parsed->size, parsed->payload),
                      tunnel_protocol(family, parsed->header.protocol), parsed->header.fragment,
                      icmp_side(family));
}

bool may_answer_tunnel(Bytes packet) {
    const auto parsed = wire::parse_tunnel_header(packet);
    return parsed && may_answer(packet.subspan(parsed->size), parsed->header.protocol,
                                parsed->header.fragment, IcmpSide::tunnel);
}

Bytes make_local_error(IcmpError error, Bytes original, const Settings& settings, uint16_t room,
                       uint16_t id, std::span<uint8_t, kMaxIcmpError> out) {
    const auto parsed = parse_ip_header(original, Completeness::quoted);
    if (!parsed) return {};
    const Family family = parsed->header.source.family();
    const auto& side = settings.ea(family);
    if (!side) return {};
    const auto& mapping = mapping_of(error);
    const Bytes quote = quote_of(original);
    const size_t message_size = kIcmpHeader + quote.size();

    IpHeader header{side->gateway, parsed->header.source,
                    kTtl,          ip_protocol(family, wire::kTunnelIcmp),
                    false,         std::nullopt};
    // IPv4 only: an identification without being a fragment.
    if (family == Family::v4) header.fragment = wire::Fragment{0, false, id};
    const size_t header_size = build_ip_header(header, message_size, out);
    std::optional<Checksum> pseudo;
    if (family == Family::v6) {
        pseudo = Checksum().add(header.source).add(header.destination).add_number(kIcmpV6);
    }
    const uint32_t rest = mapping.mtu ? mtu_out_of_tunnel(room, family) : 0;
    write_message(out.subspan(header_size, message_size), mapping.on(icmp_side(family)), rest,
                  quote, pseudo);
    return out.first(header_size + message_size);
}

std::optional<TunnelErrorPacket> make_tunnel_error(IcmpError error, Bytes original,
                                                   const net::Ip& peer, const Settings& settings,
                                                   uint16_t mtu,
                                                   std::span<uint8_t, kMaxIcmpError> out) {
    const auto parsed = wire::parse_tunnel_header(original);
    if (!parsed) return std::nullopt;
    net::IpRef sender = parsed->header.source;
    if (sender.ip.is_zero()) sender.ip = peer;
    // The address the peer reached us at is its idea of us; it may be the only one there is.
    net::Ip us = parsed->header.destination.ip;
    if (us.is_zero()) us = settings.pub(us.family()).value_or(us);

    const auto& mapping = mapping_of(error);
    const Bytes quote = quote_of(original);
    const size_t message_size = kIcmpHeader + quote.size();
    const size_t header_size = wire::build_tunnel_header(
        {{us, settings.gateway_ref}, sender, kTtl, wire::kTunnelIcmp, false, std::nullopt}, out);
    write_message(out.subspan(header_size, message_size), mapping.tunnel, mapping.mtu ? mtu : 0,
                  quote, std::nullopt);
    return TunnelErrorPacket{out.first(header_size + message_size), sender.ip};
}

}  // namespace ipref::gw
