// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/offload/vnet_header.h"

using namespace ipref;

namespace {

/// struct virtio_net_hdr; linux/virtio_net.h is not C++.
struct Kernels {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
};
static_assert(sizeof(Kernels) == gw::kVnetHeaderSize);

}  // namespace

TEST_CASE("the kernel's header is read and written field by field", "[vnet]") {
    const Kernels kernels{1, 4, 0x1234, 0x2345, 0x3456, 0x4567};
    std::array<uint8_t, gw::kVnetHeaderSize> bytes;
    std::memcpy(bytes.data(), &kernels, sizeof kernels);
    const auto header = gw::VnetHeader::read(bytes);
    CHECK(header.partial_checksum);
    CHECK(header.gso == gw::VnetHeader::Gso::tcp6);
    CHECK(header.header_size == 0x1234);
    CHECK(header.segment_size == 0x2345);
    CHECK(header.checksum_start == 0x3456);
    CHECK(header.checksum_offset == 0x4567);
    CHECK(header.bytes() == bytes);
    bytes[0] = 2;      // the checksum is known to be right
    bytes[1] |= 0x80;  // CWR is somewhere
    const auto other = gw::VnetHeader::read(bytes);
    CHECK_FALSE(other.partial_checksum);
    CHECK(other.gso == gw::VnetHeader::Gso::tcp6);
}

TEST_CASE("a plain packet's header is all zeros", "[vnet]") {
    CHECK(gw::VnetHeader{}.bytes() == std::array<uint8_t, gw::kVnetHeaderSize>{});
}
