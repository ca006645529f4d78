// SPDX-License-Identifier: GPL-2.0-or-later
// Why a packet was not passed on. One table gives the counter's label, the words for log and
// documentation; everybody in gw/ drops by a reason from here.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ipref::gw {

enum class DropReason : uint8_t {
    // The packet from the local network, as IP.
    ip_truncated,
    ip_version,
    ip_header_length,
    ip_options,
    ip_length,
    ip_jumbogram,
    ip_extension_header,
    tun_offload,
    // The datagram from another gateway, as an IPREF packet.
    tunnel_truncated,
    tunnel_version,
    tunnel_ref_size,
    tunnel_context_version,
    tunnel_reserved_bits,
    // Fragments, both ways.
    fragment_reserved_bits,
    fragment_size,
    fragment_overrun,
    fragment_nested,
    fragment_cuts_checksum,
    fragment_timeout,
    fragment_evicted,
    // Addresses.
    source_in_encode_net,
    source_not_unicast,
    source_link_local,
    source_context_mismatch,
    source_context_not_unicast,
    destination_not_unicast,
    destination_not_ours,
    // Mappings.
    destination_unknown,
    no_reference,
    no_encoded_address,
    // Forwarding.
    ttl_expired,
    mtu_exceeded,
    too_large,
    // Layer 4.
    protocol,
    layer4_truncated,
    icmp_type,
    icmp_fragmented_error,
    icmp_inner_malformed,
    icmp_inner_unmapped,
    icmp_inner_depth,
    // The gateway's descriptors and limits.
    tunnel_send_failed,
    tun_write_failed,
    icmp_rate_limited,
    count_,
};

inline constexpr size_t kDropReasons = static_cast<size_t>(DropReason::count_);

struct DropInfo {
    DropReason reason;
    std::string_view name;  ///< label of the counter: lower case, digits, underscores
    std::string_view text;  ///< completes "packet dropped: "; no full stop
    bool quiet = false;     ///< usual on a healthy host: counted, never logged
};

/// All reasons, in the order of the enum.
std::span<const DropInfo, kDropReasons> drop_reasons();
const DropInfo& describe(DropReason reason);

/// Drops by reason. One writer (a worker), any readers.
class DropCounters {
  public:
    void count(DropReason reason, uint64_t packets = 1) {
        auto& counter = counters_[static_cast<size_t>(reason)];
        counter.store(counter.load(std::memory_order_relaxed) + packets, std::memory_order_relaxed);
    }
    uint64_t get(DropReason reason) const {
        return counters_[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<uint64_t>, kDropReasons> counters_{};
};

}  // namespace ipref::gw
