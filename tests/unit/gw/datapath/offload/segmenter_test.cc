// SPDX-License-Identifier: GPL-2.0-or-later
// Super-packets, cut up and compared with whole packets made by the book.
#include "gw/datapath/offload/segmenter.h"

#include "unit/gw/datapath/offload/check.h"

using namespace ipref;
using namespace ipref::test;

namespace {

/// Calls `test` with each kind of packet that can be a super-packet.
template <typename Test>
void everywhere(Test test) {
    for (const bool v4 : {true, false}) {
        for (const uint8_t protocol : {kTcp, kUdp}) {
            INFO((v4 ? "IPv4" : "IPv6") << ", protocol " << int{protocol});
            Shape shape;
            shape.v4 = v4;
            shape.protocol = protocol;
            test(shape);
        }
    }
}

/// Bytes that differ from segment to segment.
ByteVector payload(size_t size) {
    ByteVector out(size);
    for (size_t i = 0; i < size; i++) out[i] = static_cast<uint8_t>(i * 37 + i / 251);
    return out;
}

std::string wrong(const ByteVector& packet, size_t segment_size) {
    return check_segmenter(packet, segment_size).value_or("");
}

size_t count(const ByteVector& packet, size_t segment_size) {
    const auto cut = gw::Segmenter::of(packet, segment_size);
    return cut ? cut->count() : 0;
}

}  // namespace

TEST_CASE("sizes around multiples of the segment's", "[segment]") {
    everywhere([](Shape& shape) {
        for (const size_t size : {1, 2, 3, 536, 1399, 1400}) {
            for (const size_t times : {1, 2, 3, 44}) {
                for (const size_t more : {0, 1, 2}) {
                    shape.payload = payload(size * times + more);
                    const auto packet = build(shape);
                    CHECK(wrong(packet, size) == "");
                    CHECK(count(packet, size) == times + (more + size - 1) / size);
                }
                shape.payload = payload(size * times - 1);
                CHECK(wrong(build(shape), size) == "");
            }
        }
    });
}

TEST_CASE("one segment, when there is no more", "[segment]") {
    everywhere([](Shape& shape) {
        shape.flags = 0xff;
        const auto packet = build(shape);
        CHECK(count(packet, 100) == 1);
        CHECK(wrong(packet, 100) == "");
        CHECK(wrong(packet, 65535) == "");
        CHECK(segments(*gw::Segmenter::of(packet, 100), packet) == std::vector<ByteVector>{packet});
    });
}

TEST_CASE("TCP options are in every segment", "[segment]") {
    everywhere([](Shape& shape) {
        if (shape.protocol != kTcp) return;
        shape.payload = payload(4001);
        for (size_t size = 0; size <= 40; size += 4) {
            shape.options = payload(size);
            CHECK(wrong(build(shape), 1400) == "");
        }
    });
}

TEST_CASE("every flag of TCP", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(301);
        for (int flags = 0; flags < 256; flags++) {
            shape.flags = static_cast<uint8_t>(flags);
            shape.reserved = static_cast<uint8_t>(flags % 16);
            CHECK(wrong(build(shape), 100) == "");
        }
        if (shape.protocol != kTcp) return;
        shape.flags = 0xff;
        const auto packet = build(shape);
        const auto cut = segments(*gw::Segmenter::of(packet, 100), packet);
        const size_t at = shape.ip_size() + 13;
        CHECK(cut[0][at] == 0xf6);  // neither FIN nor PSH
        CHECK(cut[1][at] == 0x76);  // nor CWR
        CHECK(cut[3][at] == 0x7f);
    });
}

TEST_CASE("numbers that wrap", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(1000);
        for (const uint32_t sequence : {0xffffffffu, 0xffffff9cu, 0xffffff00u, 0xffff0000u}) {
            shape.sequence = sequence;
            shape.id = static_cast<uint16_t>(sequence / 3);
            CHECK(wrong(build(shape), 100) == "");
        }
        shape.id = 0xffff;
        const auto packet = build(shape);
        CHECK(wrong(packet, 100) == "");
        const auto cut = segments(*gw::Segmenter::of(packet, 100), packet);
        if (shape.v4) CHECK(get16(cut[1], 4) == 0);
    });
}

TEST_CASE("a sum of zero is written as each protocol has it", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(200);
        const auto packet = build(shape);
        const size_t field = shape.ip_size() + (shape.protocol == kTcp ? 16 : 6);
        const size_t rest = get16(model_segments(packet, 100)[1], field);
        // The second segment's payload takes up what the rest of its sum leaves.
        shape.payload[100] = shape.payload[101] = 0;
        const size_t left = get16(model_segments(build(shape), 100)[1], field);
        REQUIRE(rest != left);
        shape.payload[100] = static_cast<uint8_t>(left >> 8);
        shape.payload[101] = static_cast<uint8_t>(left);
        const auto zero = build(shape);
        CHECK(wrong(zero, 100) == "");
        const auto cut = segments(*gw::Segmenter::of(zero, 100), zero);
        CHECK(get16(cut[1], field) == (shape.protocol == kTcp ? 0 : 0xffff));
    });
}

TEST_CASE("the super-packet's own lengths and checksums do not matter", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(1000);
        const auto expected = model_segments(build(shape), 300);
        shape.ip_length_error = 77;
        shape.udp_length_error = 5;
        shape.checksum_error = 0x1234;
        auto packet = build(shape);
        if (shape.v4) packet[10] ^= 0xff;
        CHECK(segments(*gw::Segmenter::of(packet, 300), packet) == expected);
    });
}

TEST_CASE("as large as a packet can be", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(65535 - shape.headers());
        CHECK(wrong(build(shape), 1400) == "");
        CHECK(wrong(build(shape), 65535) == "");
        // Too large for one segment's length field; cut it can be.
        shape.payload.push_back(0);
        CHECK(wrong(build(shape), shape.payload.size()) == "");
        CHECK(count(build(shape), shape.payload.size()) == 0);
        CHECK(wrong(build(shape), 1400) == "");
        CHECK(count(build(shape), 1400) > 0);
    });
}

TEST_CASE("what no super-packet is made of is refused", "[segment]") {
    everywhere([](Shape& shape) {
        shape.payload = payload(1000);
        const auto packet = build(shape);
        CHECK(count(packet, 0) == 0);
        for (size_t size = 0; size <= shape.headers(); size++) {
            // Of exact size, so that a sanitizer sees what is read beyond.
            const ByteVector start(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(size));
            CHECK_FALSE(gw::Segmenter::of(start, 100));
            const auto cut = gw::Segmenter::make(start, 1000, 100);
            CHECK(cut.has_value() == (size == shape.headers()));
        }
        for (int first = 0; first < 256; first++) {
            auto other = packet;
            other[0] = static_cast<uint8_t>(first);
            CHECK(wrong(other, 100) == "");
            other = packet;
            other[shape.v4 ? 9 : 6] = static_cast<uint8_t>(first);
            CHECK(wrong(other, 100) == "");
            other = packet;
            other[shape.ip_size() + 12] = static_cast<uint8_t>(first);
            CHECK(wrong(other, 100) == "");
        }
        if (!shape.v4) return;
        for (int bit = 0; bit < 16; bit++) {
            shape.fragment = static_cast<uint16_t>(1 << bit);
            CHECK(count(build(shape), 100) == (bit < 14 ? 0 : 10));
        }
    });
}
