// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/checksum.h"

#include <random>
#include <vector>

#include "unit/catch.h"

using namespace ipref::net;

namespace {

/// RFC 1071 by the letter: 16-bit big-endian words, carries folded.
uint16_t by_the_letter(std::span<const uint8_t> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(sum);
}

uint16_t swapped(uint16_t value) {
    return static_cast<uint16_t>(value << 8 | value >> 8);
}

std::vector<uint8_t> random_bytes(std::mt19937& random, size_t size) {
    std::vector<uint8_t> bytes(size);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
    return bytes;
}

}  // namespace

TEST_CASE("sums agree with RFC 1071", "[checksum]") {
    std::mt19937 random(1);
    for (size_t size = 0; size < 300; size++) {
        const auto bytes = random_bytes(random, size);
        CHECK(Checksum().add(bytes).sum() == swapped(by_the_letter(bytes)));
    }
    const std::vector<uint8_t> ones(65535, 0xff);
    CHECK(Checksum().add(ones).sum() == swapped(by_the_letter(ones)));
}

TEST_CASE("blocks add up alike in each way that this CPU has", "[checksum]") {
    std::mt19937 random(7);
    const auto all = detail::checksum_blocks();
    REQUIRE(all.size() >= 1);
    const auto folded = [](uint64_t sum) {
        return Checksum().add({reinterpret_cast<const uint8_t*>(&sum), sizeof sum}).sum();
    };
    const auto bytes = random_bytes(random, 66000);
    const std::vector<uint8_t> ones(66000, 0xff);
    const std::vector<uint8_t> zeros(66000, 0);
    for (const auto& way : all) {
        INFO(way.name);
        for (size_t at = 0; at < 32; at++) {
            for (const size_t blocks : {1u, 2u, 3u, 22u, 1023u}) {
                const auto* start = bytes.data() + at;
                const std::span part(start, blocks * 64);
                CHECK(folded(way.add(0, start, blocks)) == swapped(by_the_letter(part)));
            }
        }
        for (const uint64_t before : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, ~uint64_t{0} - 1}) {
            CHECK(folded(way.add(before, ones.data(), 1024)) ==
                  folded(all[0].add(before, ones.data(), 1024)));
            CHECK(folded(way.add(before, zeros.data(), 1024)) == folded(before));
        }
        // Zero is the sum of nothing but zeros: 0xffff is another number (RFC 1071, RFC 768).
        CHECK(way.add(0, zeros.data(), 1024) == 0);
        CHECK(folded(way.add(0, ones.data(), 1024)) == 0xffff);
    }
}

TEST_CASE("an incremental change is the same as a new sum", "[checksum]") {
    std::mt19937 random(2);
    for (int i = 0; i < 1000; i++) {
        auto bytes = random_bytes(random, 64);
        const uint16_t before = Checksum().add(bytes).field();
        const auto old_part = std::vector<uint8_t>(bytes.begin() + 12, bytes.begin() + 28);
        const auto new_part = random_bytes(random, 16);
        std::copy(new_part.begin(), new_part.end(), bytes.begin() + 12);
        CHECK(changed_checksum(before, Checksum().add(old_part), Checksum().add(new_part)) ==
              Checksum().add(bytes).field());
    }
}

TEST_CASE("sums of pieces add up", "[checksum]") {
    std::mt19937 random(3);
    const auto bytes = random_bytes(random, 101);
    const std::span all(bytes);
    Checksum sum;
    sum.add(all.first(34)).add(Checksum().add(all.subspan(34)));
    CHECK(sum.sum() == Checksum().add(all).sum());
    sum.subtract(Checksum().add(all.first(34)));
    CHECK(sum.sum() == Checksum().add(all.subspan(34)).sum());
}
