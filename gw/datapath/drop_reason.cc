// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/drop_reason.h"

namespace ipref::gw {

namespace {

using enum DropReason;

constexpr std::array<DropInfo, kDropReasons> kTable{{
    {ip_truncated, "ip_truncated", "shorter than its IP header"},
    {ip_version, "ip_version", "neither IPv4 nor IPv6, or of a family that is not served"},
    {ip_header_length, "ip_header_length", "IPv4 header length below 20 bytes"},
    {ip_options, "ip_options", "IPv4 options"},
    {ip_length, "ip_length", "the IP length field disagrees with the packet"},
    {ip_jumbogram, "ip_jumbogram", "IPv6 jumbogram"},
    {ip_extension_header, "ip_extension_header", "IPv6 extension header other than fragment"},
    {tun_offload, "tun_offload", "a super-packet or partial checksum of a kind that is not known"},
    {tunnel_truncated, "tunnel_truncated", "shorter than its IPREF header"},
    {tunnel_version, "tunnel_version", "IPREF version other than 1"},
    {tunnel_ref_size, "tunnel_ref_size", "invalid size of references"},
    {tunnel_context_version, "tunnel_context_version", "context addresses of unknown IP version"},
    {tunnel_reserved_bits, "tunnel_reserved_bits", "reserved bits of the IPREF header are set"},
    {fragment_reserved_bits, "fragment_reserved_bits", "reserved fragment bits are set"},
    {fragment_size, "fragment_size", "a fragment before the last is no multiple of 8 bytes long"},
    {fragment_overrun, "fragment_overrun", "a fragment ends beyond 65535 bytes"},
    {fragment_nested, "fragment_nested", "a fragment header within a fragment"},
    {fragment_cuts_checksum, "fragment_cuts_checksum", "a fragment ends within the checksum"},
    {fragment_timeout, "fragment_timeout", "the last fragment of an ICMPv6 message did not come"},
    {fragment_evicted, "fragment_evicted", "too many first ICMPv6 fragments wait for their last"},
    {source_in_encode_net, "source_in_encode_net", "the source is inside the encode network"},
    {source_not_unicast, "source_not_unicast", "the source is not a unicast address"},
    {source_link_local, "source_link_local", "the source is a link-local address", true},
    {source_context_mismatch, "source_context_mismatch",
     "the source context is not the address the datagram came from"},
    {source_context_not_unicast, "source_context_not_unicast",
     "the source context is not a global unicast address"},
    {destination_not_unicast, "destination_not_unicast",
     "the destination is a multicast, broadcast or link-local address", true},
    {destination_not_ours, "destination_not_ours",
     "the destination context is not an address of this gateway"},
    {destination_unknown, "destination_unknown", "no mapping for the destination"},
    {no_reference, "no_reference", "no reference for the source: a limit is reached"},
    {no_encoded_address, "no_encoded_address",
     "no encoded address for the source: a limit is reached"},
    {ttl_expired, "ttl_expired", "TTL expired"},
    {mtu_exceeded, "mtu_exceeded", "larger than the path MTU and not to be fragmented", true},
    {too_large, "too_large", "would be longer than 65535 bytes"},
    {protocol, "protocol", "a protocol that cannot be translated"},
    {layer4_truncated, "layer4_truncated", "shorter than its TCP, UDP or ICMP header"},
    {icmp_type, "icmp_type", "ICMP type and code without a translation"},
    {icmp_fragmented_error, "icmp_fragmented_error", "a fragmented ICMP error"},
    {icmp_inner_malformed, "icmp_inner_malformed", "the packet inside an ICMP error is malformed"},
    {icmp_inner_unmapped, "icmp_inner_unmapped",
     "the packet inside an ICMP error is between hosts without a mapping"},
    {icmp_inner_depth, "icmp_inner_depth", "ICMP errors nested too deep"},
    {tunnel_send_failed, "tunnel_send_failed", "sending to the other gateway failed"},
    {tun_write_failed, "tun_write_failed", "writing to the TUN interface failed"},
    {icmp_rate_limited, "icmp_rate_limited", "an ICMP error was left out by the rate limit", true},
}};

constexpr bool in_order() {
    for (size_t i = 0; i < kTable.size(); i++) {
        if (static_cast<size_t>(kTable[i].reason) != i || kTable[i].name.empty()) return false;
    }
    return true;
}
static_assert(in_order(), "one line for each reason, in the order of the enum");

}  // namespace

std::span<const DropInfo, kDropReasons> drop_reasons() {
    return kTable;
}

const DropInfo& describe(DropReason reason) {
    return kTable[static_cast<size_t>(reason)];
}

}  // namespace ipref::gw
