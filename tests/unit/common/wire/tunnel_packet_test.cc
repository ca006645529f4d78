// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/tunnel_packet.h"

#include <array>
#include <vector>

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::wire;
using net::Family;
using net::Ip;
using net::Ref;

namespace {

Ip ip(const char* text) {
    return Ip::parse(text).value();
}

TunnelHeader header_of(const Ref& source, const Ref& destination) {
    return {{ip("203.0.113.1"), source}, {ip("198.51.100.9"), destination}, 64, 17, false, {}};
}

std::vector<uint8_t> built(const TunnelHeader& header) {
    std::array<uint8_t, kMaxTunnelHeader> space;
    const size_t size = build_tunnel_header(header, space);
    return {space.begin(), space.begin() + static_cast<ptrdiff_t>(size)};
}

}  // namespace

TEST_CASE("a reference takes the shortest form that holds it", "[tunnel]") {
    const uint64_t top = uint64_t{0xff} << 56;
    CHECK(ref_wire_size({0, 0}) == 4);
    CHECK(ref_wire_size({0, 0xffffff}) == 4);
    CHECK(ref_wire_size({top, 0xffffff}) == 4);
    CHECK(ref_wire_size({0, 0x1000000}) == 8);
    CHECK(ref_wire_size({top, 0xffffffffffffff}) == 8);
    CHECK(ref_wire_size({0, uint64_t{1} << 56}) == 16);
    CHECK(ref_wire_size({1, 0}) == 16);
    CHECK(ref_wire_size({uint64_t{1} << 55, 0}) == 16);
}

TEST_CASE("the larger need of the two wins", "[tunnel]") {
    CHECK(header_of({0, 1}, {0, 2}).size() == 20);
    CHECK(header_of({0, 1}, {0, 0x1000000}).size() == 28);
    CHECK(header_of({1, 1}, {0, 2}).size() == 44);
    TunnelHeader largest = header_of({1, 1}, {1, 1});
    largest.source.ip = ip("2001:db8::1");
    largest.destination.ip = ip("2001:db8::2");
    largest.fragment = Fragment{65528, true, 0xffffffff};
    CHECK(largest.size() == kMaxTunnelHeader);
    std::array<uint8_t, kMaxTunnelHeader - 1> small;
    CHECK(build_tunnel_header(largest, small) == 0);
}

TEST_CASE("headers survive the wire", "[tunnel]") {
    const uint64_t top = uint64_t{0x7f} << 56;
    for (const auto& source : {Ref{0, 1}, Ref{top, 0xabcdef}, Ref{top, 0x12345678}, Ref{5, 6}}) {
        for (const auto& destination : {Ref{0, 0}, Ref{0, 0x41a}, Ref{top | 1, ~uint64_t{0}}}) {
            for (const auto& fragment :
                 {std::optional<Fragment>{}, std::optional(Fragment{1480, true, 0xdeadbeef}),
                  std::optional(Fragment{65528, false, 7})}) {
                TunnelHeader header = header_of(source, destination);
                header.df = !fragment;
                header.fragment = fragment;
                auto bytes = built(header);
                REQUIRE(bytes.size() == header.size());
                bytes.push_back(0x55);
                const auto parsed = parse_tunnel_header(bytes);
                REQUIRE(parsed);
                CHECK(parsed->header == header);
                CHECK(parsed->size == bytes.size() - 1);
                for (size_t size = 0; size < parsed->size; size++) {
                    CHECK(parse_tunnel_header(Bytes(bytes).first(size)).error() ==
                          TunnelError::truncated);
                }
            }
        }
    }
}

TEST_CASE("a receiver takes larger forms than needed", "[tunnel]") {
    auto bytes = built(header_of({0, 0x1000000}, {0, 7}));
    CHECK(parse_tunnel_header(bytes)->header.destination.ref == Ref{0, 7});
    bytes = built(header_of({1, 1}, {0, 7}));
    CHECK(parse_tunnel_header(bytes)->header.destination.ref == Ref{0, 7});
}

TEST_CASE("malformed headers are told apart", "[tunnel]") {
    const auto good = built(header_of({0, 1}, {0, 2}));
    auto error = [&](size_t at, uint8_t value) {
        auto bytes = good;
        bytes[at] = value;
        return parse_tunnel_header(bytes).error();
    };
    CHECK(error(0, 0x20) == TunnelError::version);
    CHECK(error(0, 0x00) == TunnelError::version);
    CHECK(error(0, 0x1c) == TunnelError::ref_size);
    CHECK(error(1, 0x50) == TunnelError::context_version);
    CHECK(error(1, 0x41) == TunnelError::reserved_bits);
    CHECK(error(1, 0x48) == TunnelError::reserved_bits);
    CHECK(error(1, 0x60) == TunnelError::truncated);
    CHECK(error(0, 0x14) == TunnelError::truncated);

    TunnelHeader fragment = header_of({0, 1}, {0, 2});
    fragment.fragment = Fragment{8, true, 1};
    const auto fragmented = built(fragment);
    for (const auto& [at, bits] : {std::pair{4, 0x80}, {5, 1}, {7, 2}, {7, 4}}) {
        auto bytes = fragmented;
        bytes[static_cast<size_t>(at)] |= static_cast<uint8_t>(bits);
        CHECK(parse_tunnel_header(bytes).error() == TunnelError::reserved_fragment);
    }
}
