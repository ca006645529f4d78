// SPDX-License-Identifier: GPL-2.0-or-later
// What stands before each packet at a TUN with IFF_VNET_HDR: struct virtio_net_hdr, 10 bytes in
// the byte order of the host (virtio 1.2 section 5.1.6; linux/virtio_net.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ipref::gw {

inline constexpr size_t kVnetHeaderSize = 10;

/// What a packet still needs, or of what kind of super-packet it is. All zero: a plain packet,
/// complete.
struct VnetHeader {
    enum class Gso : uint8_t {
        none = 0,
        tcp4 = 1,
        tcp6 = 4,
        udp = 5,  ///< VIRTIO_NET_HDR_GSO_UDP_L4, since Linux 6.2
    };
    /// The checksum field holds the sum of the pseudo-header only; the rest, from checksum_start
    /// on, is still to be added (VIRTIO_NET_HDR_F_NEEDS_CSUM).
    bool partial_checksum = false;
    Gso gso = Gso::none;
    uint16_t header_size = 0;   ///< IP and layer-4 header; the kernel's is a hint only
    uint16_t segment_size = 0;  ///< payload of each segment but the last
    uint16_t checksum_start = 0;
    uint16_t checksum_offset = 0;  ///< of the field, from checksum_start

    static VnetHeader read(std::span<const uint8_t, kVnetHeaderSize> bytes);
    std::array<uint8_t, kVnetHeaderSize> bytes() const;
};

namespace detail {
inline constexpr uint8_t kNeedsChecksum = 1;
inline constexpr uint8_t kEcn = 0x80;
}  // namespace detail

inline VnetHeader VnetHeader::read(std::span<const uint8_t, kVnetHeaderSize> bytes) {
    VnetHeader out;
    out.partial_checksum = (bytes[0] & detail::kNeedsChecksum) != 0;
    // That a segment carries CWR is seen in its TCP header.
    out.gso = static_cast<Gso>(bytes[1] & ~detail::kEcn);
    std::memcpy(&out.header_size, bytes.data() + 2, 2);
    std::memcpy(&out.segment_size, bytes.data() + 4, 2);
    std::memcpy(&out.checksum_start, bytes.data() + 6, 2);
    std::memcpy(&out.checksum_offset, bytes.data() + 8, 2);
    return out;
}

inline std::array<uint8_t, kVnetHeaderSize> VnetHeader::bytes() const {
    std::array<uint8_t, kVnetHeaderSize> out{};
    out[0] = partial_checksum ? detail::kNeedsChecksum : 0;
    out[1] = static_cast<uint8_t>(gso);
    std::memcpy(out.data() + 2, &header_size, 2);
    std::memcpy(out.data() + 4, &segment_size, 2);
    std::memcpy(out.data() + 6, &checksum_start, 2);
    std::memcpy(out.data() + 8, &checksum_offset, 2);
    return out;
}

}  // namespace ipref::gw
