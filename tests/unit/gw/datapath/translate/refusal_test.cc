// SPDX-License-Identifier: GPL-2.0-or-later
// Every packet that is refused, by its reason.
#include "unit/catch.h"
#include "unit/gw/datapath/translate/lab.h"

using namespace ipref;
using namespace ipref::test;
using enum gw::DropReason;

namespace {

struct V4 : Lab {
    V4() : Lab(Family::v4, Family::v4, Family::v4) {
        good = local_packet(a.host, a.remote, kUdp, segment(kUdp, 32));
        tunnel = tunnel_packet(a.theirs, a.ours, kUdp, segment(kUdp, 32));
    }
    Done encap(size_t at, int value) {
        auto packet = good;
        packet[at] = static_cast<uint8_t>(value);
        return a.encap(packet);
    }
    Done decap(size_t at, int value) {
        auto packet = tunnel;
        packet[at] = static_cast<uint8_t>(value);
        return a.decap(packet);
    }
    Done from(const Ip& source) {
        return a.encap(local_packet(source, a.remote, kUdp, segment(kUdp, 32)));
    }
    Done to(const Ip& destination) {
        return a.encap(local_packet(a.host, destination, kUdp, segment(kUdp, 32)));
    }
    ByteVector good;
    ByteVector tunnel;
};

struct V6 : Lab {
    V6() : Lab(Family::v6, Family::v6, Family::v6) {
        good = local_packet(a.host, a.remote, kUdp, segment(kUdp, 32));
    }
    /// `good` with the eight bytes of a header of kind `next` behind the IPv6 header.
    ByteVector with_header(uint8_t next, const ByteVector& header) {
        auto packet = good;
        packet[6] = next;
        set16(packet, 4, 32 + header.size());
        packet.insert(packet.begin() + 40, header.begin(), header.end());
        return packet;
    }
    ByteVector good;
};

}  // namespace

TEST_CASE_METHOD(V4, "IPv4 packets that are malformed", "[refuse]") {
    REQUIRE(a.encap(good).forwarded());
    for (size_t size = 0; size < 20; size++) {
        const ByteVector cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        CHECK(a.encap(cut).dropped(ip_truncated));
    }
    CHECK(encap(0, 0x55).dropped(ip_version));
    CHECK(encap(0, 0x44).dropped(ip_header_length));
    CHECK(encap(0, 0x46).dropped(ip_options));
    CHECK(encap(3, 51).dropped(ip_length));
    CHECK(encap(3, 53).dropped(ip_length));
    CHECK(encap(3, 19).dropped(ip_length));
    CHECK(encap(6, 0x80).dropped(fragment_reserved_bits));
    CHECK(encap(9, 2).dropped(protocol));
    CHECK(encap(9, 51).dropped(protocol));  // AH
    CHECK(encap(9, 58).dropped(protocol));  // ICMPv6 in IPv4
    CHECK(encap(9, 255).dropped(protocol));
}

TEST_CASE_METHOD(V4, "a family that has no encode network", "[refuse]") {
    const V6 other;
    CHECK(a.encap(other.good).dropped(ip_version));
}

TEST_CASE_METHOD(V6, "IPv6 packets that are malformed", "[refuse]") {
    REQUIRE(a.encap(good).forwarded());
    for (size_t size = 1; size < 40; size++) {
        const ByteVector cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        CHECK(a.encap(cut).dropped(ip_truncated));
    }
    auto packet = good;
    packet[5]++;
    CHECK(a.encap(packet).dropped(ip_length));
    packet = with_header(0, {17, 0, 0xc2, 4, 0, 1, 0, 0});
    CHECK(a.encap(packet).dropped(ip_extension_header));
    set16(packet, 4, 0);
    CHECK(a.encap(packet).dropped(ip_jumbogram));
    for (const int next : {43, 60}) {
        CHECK(a.encap(with_header(static_cast<uint8_t>(next), {17, 0, 1, 4, 0, 0, 0, 0}))
                  .dropped(ip_extension_header));
    }
    packet = good;
    packet[6] = 1;  // ICMPv4 in IPv6
    CHECK(a.encap(packet).dropped(protocol));
    packet[6] = 59;  // nothing follows
    CHECK(a.encap(packet).dropped(protocol));
}

TEST_CASE_METHOD(V6, "IPv6 fragment headers that are malformed", "[refuse]") {
    REQUIRE(a.encap(with_header(44, {17, 0, 0, 1, 0, 0, 0, 9})).forwarded());
    // The byte after the next header is ignored on reception.
    REQUIRE(a.encap(with_header(44, {17, 0xff, 0, 1, 0, 0, 0, 9})).forwarded());
    CHECK(a.encap(with_header(44, {44, 0, 0, 1, 0, 0, 0, 9})).dropped(fragment_nested));
    CHECK(a.encap(with_header(44, {0, 0, 0, 1, 0, 0, 0, 9})).dropped(ip_extension_header));
    CHECK(a.encap(with_header(44, {17, 0, 0, 3, 0, 0, 0, 9})).dropped(fragment_reserved_bits));
    CHECK(a.encap(with_header(44, {17, 0, 0, 5, 0, 0, 0, 9})).dropped(fragment_reserved_bits));
    auto packet = good;
    packet.resize(44);
    packet[6] = 44;
    set16(packet, 4, 4);
    CHECK(a.encap(packet).dropped(ip_truncated));
    set16(packet, 4, 5);
    CHECK(a.encap(packet).dropped(ip_length));
}

TEST_CASE_METHOD(V4, "fragments that cannot be", "[refuse]") {
    auto fragment = [&](uint16_t offset, bool more) {
        return Extra{60, false, wire::Fragment{offset, more, 7}};
    };
    auto both = [&](uint8_t number, size_t size, const Extra& extra, gw::DropReason reason) {
        CHECK(a.encap(local_packet(a.host, a.remote, number, segment(number, size), extra))
                  .dropped(reason));
        CHECK(a.decap(tunnel_packet(a.theirs, a.ours, number, segment(number, size), extra))
                  .dropped(reason));
    };
    both(kUdp, 33, fragment(0, true), fragment_size);
    both(kUdp, 0, fragment(8, true), fragment_size);
    both(kUdp, 32, fragment(65512, false), fragment_overrun);
    both(kTcp, 9, fragment(8, false), fragment_cuts_checksum);
    both(kTcp, 1, fragment(16, false), fragment_cuts_checksum);
}

TEST_CASE_METHOD(V4, "layer 4 shorter than its header", "[refuse]") {
    for (const auto& [number, least] :
         {std::pair{kTcp, 20}, {kUdp, 8}, {kIcmp, 8}, {kDccp, 12}, {kUdpLite, 8}}) {
        auto bytes = segment(number, 40);
        bytes[0] = 8;
        bytes[1] = 0;
        auto packet = local_packet(a.host, a.remote, number, bytes);
        for (int size = 0; size <= least; size++) {
            packet.resize(20 + static_cast<size_t>(size));
            set16(packet, 2, packet.size());
            CHECK(a.encap(packet).dropped(layer4_truncated) == (size < least));
            packet.resize(20);
            append(packet, bytes);
        }
    }
    auto packet = tunnel;
    packet.resize(28 + 7);
    CHECK(a.decap(packet).dropped(layer4_truncated));
}

TEST_CASE_METHOD(V4, "sources that may not send", "[refuse]") {
    CHECK(from(a.remote).dropped(source_in_encode_net));
    CHECK(from(ip("10.255.255.255")).dropped(source_in_encode_net));
    CHECK(from(a.gateway).forwarded());
    CHECK(from(ip("0.0.0.0")).dropped(source_not_unicast));
    CHECK(from(ip("127.0.0.1")).dropped(source_not_unicast));
    CHECK(from(ip("224.0.0.1")).dropped(source_not_unicast));
    CHECK(from(ip("255.255.255.255")).dropped(source_not_unicast));
    CHECK(from(ip("169.254.1.1")).dropped(source_link_local));
    CHECK(gw::describe(source_link_local).quiet);
}

TEST_CASE_METHOD(V4, "destinations that are not there", "[refuse]") {
    CHECK(to(ip("10.240.9.9")).answered(destination_unknown));
    CHECK(to(ip("192.0.2.1")).answered(destination_unknown));
    for (const auto* text : {"224.0.0.251", "255.255.255.255", "169.254.0.1", "127.0.0.1"}) {
        CHECK(to(ip(text)).dropped(destination_not_unicast));
    }
    // Nobody learns a reference by sending to nowhere.
    a.encap(local_packet(ip("10.1.0.99"), ip("10.240.9.9"), kUdp, segment(kUdp, 32)));
    CHECK(a.lookup.allocations() == 0);
    CHECK(from(ip("10.1.0.99")).dropped(no_reference));
    CHECK(a.lookup.allocations() == 1);
}

TEST_CASE_METHOD(V4, "datagrams that are malformed", "[refuse]") {
    REQUIRE(a.decap(tunnel).forwarded());
    for (size_t size = 0; size < 28; size++) {
        const ByteVector cut(tunnel.begin(), tunnel.begin() + static_cast<ptrdiff_t>(size));
        CHECK(a.decap(cut).dropped(tunnel_truncated));
    }
    CHECK(decap(0, 0x25).dropped(tunnel_version));
    CHECK(decap(0, 0x1c).dropped(tunnel_ref_size));
    CHECK(decap(1, 0x50).dropped(tunnel_context_version));
    CHECK(decap(1, 0x4f).dropped(tunnel_reserved_bits));
    CHECK(decap(3, 58).dropped(protocol));
    CHECK(decap(3, 0).dropped(protocol));
    auto packet = tunnel_packet(a.theirs, a.ours, kUdp, segment(kUdp, 32),
                                {60, false, wire::Fragment{0, true, 1}});
    packet[7] |= 4;
    CHECK(a.decap(packet).dropped(fragment_reserved_bits));
}

TEST_CASE_METHOD(V4, "contexts are checked before anything else", "[refuse]") {
    CHECK(a.decap(tunnel, ip("203.0.113.77")).dropped(source_context_mismatch));
    CHECK(a.decap(tunnel, ip("2001:db8::2")).dropped(source_context_mismatch));
    auto from_context = [&](const char* text) {
        return a.decap(tunnel_packet({ip(text), kRefB}, a.ours, kUdp, segment(kUdp, 32)), ip(text));
    };
    CHECK(from_context("224.0.0.5").dropped(source_context_not_unicast));
    CHECK(from_context("127.0.0.1").dropped(source_context_not_unicast));
    CHECK(from_context("169.254.0.1").dropped(source_context_not_unicast));
    CHECK(from_context("0.0.0.0").dropped(source_context_not_unicast));
    CHECK(from_context("10.240.0.7").dropped(source_in_encode_net));
    auto to_context = [&](const IpRef& ours) {
        return a.decap(tunnel_packet(a.theirs, ours, kUdp, segment(kUdp, 32)));
    };
    CHECK(to_context({ip("203.0.113.99"), kRefA}).dropped(destination_not_ours));
    CHECK(to_context({ip("203.0.113.99"), {0, 1}}).dropped(destination_not_ours));
    CHECK(to_context({a.ours.ip, {0, 0x77}}).answered(destination_unknown));
    CHECK(to_context({ip("0.0.0.0"), {0, 0x77}}).answered(destination_unknown));
    // A static mapping may be for another address of ours.
    const IpRef other{ip("198.51.100.1"), {0, 0x88}};
    a.lookup.add_ours(a.host, other);
    CHECK(to_context(other).forwarded());
}

TEST_CASE_METHOD(V4, "the destination is looked up before the source gets an EA", "[refuse]") {
    const IpRef stranger{ip("198.51.100.7"), {0, 5}};
    const auto unknown = tunnel_packet(stranger, {a.ours.ip, {0, 0x77}}, kUdp, segment(kUdp, 32));
    CHECK(a.decap(unknown, stranger.ip).answered(destination_unknown));
    CHECK(a.lookup.allocations() == 0);
    const auto known = tunnel_packet(stranger, a.ours, kUdp, segment(kUdp, 32));
    CHECK(a.decap(known, stranger.ip).dropped(no_encoded_address));
    CHECK(a.lookup.allocations() == 1);
}

TEST_CASE_METHOD(V4, "a packet too long for an IP header", "[refuse]") {
    CHECK(a.decap(tunnel_packet(a.theirs, a.ours, 132, segment(132, 65515))).forwarded());
    CHECK(a.decap(tunnel_packet(a.theirs, a.ours, 132, segment(132, 65516))).dropped(too_large));
}

TEST_CASE_METHOD(V4, "no error is sent about errors and later fragments", "[refuse]") {
    const Ip nowhere = ip("10.240.9.9");
    auto answer_to = [&](uint8_t number, const ByteVector& bytes, const Extra& extra) {
        return a.encap(local_packet(a.host, nowhere, number, bytes, extra));
    };
    const auto error = icmp(3, 3, 0, good);
    CHECK(answer_to(kIcmp, error, {}).dropped(destination_unknown));
    CHECK(answer_to(kIcmp, icmp(8, 0, 1, {}), {}).answered(destination_unknown));
    const wire::Fragment first{0, true, 1};
    const wire::Fragment last{32, false, 1};
    CHECK(answer_to(kUdp, segment(kUdp, 32), {60, false, first}).answered(destination_unknown));
    CHECK(answer_to(kUdp, segment(kUdp, 32), {60, false, last}).dropped(destination_unknown));

    const IpRef lost{a.ours.ip, {0, 0x77}};
    const auto tunnel_error = icmp(3, 2, 0, tunnel);
    CHECK(a.decap(tunnel_packet(a.theirs, lost, kIcmp, tunnel_error)).dropped(destination_unknown));
    CHECK(a.decap(tunnel_packet(a.theirs, lost, kUdp, segment(kUdp, 32), {60, false, last}))
              .dropped(destination_unknown));
}

TEST_CASE("decapsulation and the family of the host", "[refuse]") {
    Lab lab(Family::v6, Family::v4, Family::v4);
    // An EA of the other family is of no use.
    const IpRef stranger{lab.a.theirs.ip, {0, 5}};
    lab.a.lookup.add_theirs(ip("10.240.1.1"), stranger);
    CHECK(lab.a.decap(tunnel_packet(stranger, lab.a.ours, kUdp, segment(kUdp, 32)))
              .dropped(no_encoded_address));
}
