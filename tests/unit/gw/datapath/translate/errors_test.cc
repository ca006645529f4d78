// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP errors that the gateway makes itself, sizes, and splitting.
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/splitter.h"
#include "unit/catch.h"
#include "unit/gw/datapath/translate/lab.h"

using namespace ipref;
using namespace ipref::test;
using gw::IcmpError;

namespace {

ByteVector vector_of(gw::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

std::array<uint8_t, gw::kMaxIcmpError> space;

ByteVector local_error(const Site& site, IcmpError error, const ByteVector& original,
                       uint16_t room = 0) {
    return vector_of(gw::make_local_error(error, original, site.settings, room, 0x1234, space));
}

std::vector<ByteVector> pieces_of(std::optional<gw::Splitter> splitter) {
    std::vector<ByteVector> out;
    gw::Piece piece;
    while (splitter && splitter->next(piece)) {
        out.push_back(vector_of(piece.header()));
        append(out.back(), piece.payload);
        CHECK(out.back().size() == piece.size());
    }
    return out;
}

}  // namespace

TEST_CASE("errors to local hosts", "[errors]") {
    for (const auto ea : kFamilies) {
        const Lab lab(ea, ea, Family::v4);
        for (const auto& [error, v4, v6, rest] :
             {std::tuple{IcmpError::net_unreachable, 0x300, 0x100, 0},
              {IcmpError::ttl_expired, 0xb00, 0x300, 0},
              {IcmpError::fragmentation_needed, 0x304, 0x200, ea == Family::v4 ? 1416 : 1436}}) {
            for (const size_t size : {40, 41, 1400}) {
                const auto original =
                    local_packet(lab.a.host, lab.a.remote, kUdp, segment(kUdp, size));
                const auto packet = local_error(lab.a, error, original, 1472);
                const auto seen = see_local(packet);
                CHECK(seen.checksum);
                CHECK(seen.source == lab.a.gateway);
                CHECK(seen.destination == lab.a.host);
                CHECK(seen.ttl == 64);
                CHECK(get16(seen.bytes, 0) == static_cast<size_t>(ea == Family::v4 ? v4 : v6));
                CHECK(get16(seen.bytes, 6) == static_cast<size_t>(rest));
                const ByteVector quote(seen.bytes.begin() + 8, seen.bytes.end());
                CHECK(quote.size() == std::min<size_t>(original.size(), 576));
                CHECK(std::equal(quote.begin(), quote.end(), original.begin()));
                if (ea == Family::v4) CHECK(get16(packet, 4) == 0x1234);
            }
        }
    }
}

TEST_CASE("errors to remote hosts", "[errors]") {
    const Lab lab(Family::v4, Family::v4, Family::v4);
    auto error = [&](IcmpError which, const IpRef& from, const IpRef& to) {
        const auto original = tunnel_packet(from, to, kUdp, segment(kUdp, 41));
        const auto made =
            gw::make_tunnel_error(which, original, lab.a.theirs.ip, lab.a.settings, 1300, space);
        REQUIRE(made);
        CHECK(made->peer == lab.a.theirs.ip);
        auto seen = see_tunnel(vector_of(made->bytes));
        CHECK(seen.checksum);
        CHECK(seen.ttl == 64);
        CHECK_FALSE(seen.df);
        CHECK(seen.tunnel.destination == lab.a.theirs);
        CHECK(ByteVector(seen.bytes.begin() + 8, seen.bytes.end()) == original);
        return seen;
    };
    const IpRef us{lab.a.ours.ip, {0, 1}};
    const auto unreachable = error(IcmpError::net_unreachable, lab.a.theirs, lab.a.ours);
    CHECK(unreachable.tunnel.source == us);
    CHECK(get16(unreachable.bytes, 0) == 0x300);
    CHECK(get16(error(IcmpError::ttl_expired, lab.a.theirs, lab.a.ours).bytes, 0) == 0xb00);
    const auto needed = error(IcmpError::fragmentation_needed, lab.a.theirs, lab.a.ours);
    CHECK(get16(needed.bytes, 0) == 0x304);
    CHECK(get16(needed.bytes, 6) == 1300);
    // Contexts left open are filled in.
    const Ip open = ip("0.0.0.0");
    const IpRef to_open{open, lab.a.ours.ref};
    CHECK(error(IcmpError::ttl_expired, {open, lab.a.theirs.ref}, to_open).tunnel.source == us);
}

TEST_CASE("what may be answered with an error", "[errors]") {
    for (const auto ea : kFamilies) {
        const Lab lab(ea, ea, Family::v4);
        const auto echo = icmp(ea == Family::v4 ? 8 : 128, 0, 1, segment(0, 32));
        const auto error = icmp(ea == Family::v4 ? 3 : 1, 0, 0, segment(0, 32));
        auto local = [&](uint8_t protocol, const ByteVector& bytes, const Extra& extra = {}) {
            return gw::may_answer_local(
                local_packet(lab.a.host, lab.a.remote, protocol, bytes, extra));
        };
        const Extra first{60, false, wire::Fragment{0, true, 1}};
        const Extra later{60, false, wire::Fragment{8, true, 1}};
        CHECK(local(kUdp, segment(kUdp, 40)));
        CHECK(local(kIcmp, echo));
        CHECK(local(kUdp, segment(kUdp, 40), first));
        CHECK_FALSE(local(kIcmp, error));
        CHECK_FALSE(local(kUdp, segment(kUdp, 40), later));
        CHECK_FALSE(gw::may_answer_local(local_packet(
            lab.a.host, ip(ea == Family::v4 ? "224.0.0.1" : "ff02::1"), kUdp, segment(kUdp, 40))));
        auto tunnel = [&](uint8_t protocol, const ByteVector& bytes, const Extra& extra = {}) {
            return gw::may_answer_tunnel(
                tunnel_packet(lab.a.theirs, lab.a.ours, protocol, bytes, extra));
        };
        CHECK(tunnel(kUdp, segment(kUdp, 40)));
        CHECK(tunnel(kIcmp, icmp(8, 0, 1, {})));
        CHECK_FALSE(tunnel(kIcmp, icmp(3, 0, 0, {})));
        CHECK_FALSE(tunnel(kUdp, segment(kUdp, 40), later));
    }
}

TEST_CASE("MTU of the TUN interface", "[mtu]") {
    CHECK(gw::tun_mtu(1500, Family::v4, Family::v4) == 1460);
    CHECK(gw::tun_mtu(1500, Family::v6, Family::v4) == 1480);
    CHECK(gw::tun_mtu(1500, Family::v4, Family::v6) == 1436);
    CHECK(gw::tun_mtu(1501, Family::v4, Family::v4) == 1464);
    CHECK(gw::tun_mtu(100, Family::v4, Family::v4) == 68);
    CHECK(gw::tun_mtu(0, Family::v4, Family::v4) == 68);
    CHECK(gw::tun_mtu(1300, Family::v6, Family::v6) == 1280);
    CHECK(gw::tun_mtu(9000, Family::v4, Family::v4) == 8960);
}

TEST_CASE("MTU on the other side", "[mtu]") {
    CHECK(gw::tunnel_room(1500, Family::v4) == 1472);
    CHECK(gw::tunnel_room(1500, Family::v6) == 1452);
    CHECK(gw::tunnel_room(20, Family::v4) == 0);
    CHECK(gw::mtu_into_tunnel(1500, Family::v4) == 1500);
    CHECK(gw::mtu_into_tunnel(1500, Family::v6) == 1472);
    CHECK(gw::mtu_into_tunnel(0, Family::v4) == 0);
    CHECK(gw::mtu_into_tunnel(0xffffffff, Family::v6) == 65535);
    CHECK(gw::mtu_into_tunnel(10, Family::v6) == 20);
    CHECK(gw::mtu_out_of_tunnel(1450, Family::v4) == 1394);
    CHECK(gw::mtu_out_of_tunnel(1450, Family::v6) == 1414);
    CHECK(gw::mtu_out_of_tunnel(65535, Family::v6) == 65499);
    CHECK(gw::mtu_out_of_tunnel(0, Family::v4) == 0);
    CHECK(gw::mtu_out_of_tunnel(0, Family::v6) == 1280);
    CHECK(gw::mtu_out_of_tunnel(100, Family::v4) == 68);
    CHECK(gw::mtu_out_of_tunnel(1300, Family::v6) == 1280);
}

TEST_CASE("whether a packet fits", "[mtu]") {
    auto fits = [](Family ea, bool df, size_t size, size_t room,
                   std::optional<wire::Fragment> fragment = {}) {
        Lab lab(ea, ea, Family::v4);
        const size_t payload = size - net::header_size(ea);
        lab.a.encap(
            local_packet(lab.a.host, lab.a.remote, 132, segment(132, payload), {60, df, fragment}));
        return gw::fit(lab.a.plan, room);
    };
    // The IPREF header has 28 bytes here.
    CHECK(fits(Family::v4, true, 1000, 1008) == gw::Fit::whole);
    CHECK(fits(Family::v4, true, 1001, 1008) == gw::Fit::too_big);
    CHECK(fits(Family::v4, false, 1001, 1008) == gw::Fit::split);
    CHECK(fits(Family::v6, true, 1020, 1008) == gw::Fit::whole);
    CHECK(fits(Family::v6, true, 1281, 1200) == gw::Fit::too_big);
    // No IPv6 host can send less than 1280.
    CHECK(fits(Family::v6, true, 1280, 1200) == gw::Fit::split);
    // Nobody can be told about a later fragment; the first one is answered.
    CHECK(fits(Family::v6, true, 1440, 1200, wire::Fragment{1408, true, 7}) == gw::Fit::split);
    CHECK(fits(Family::v6, true, 1440, 1200, wire::Fragment{0, true, 7}) == gw::Fit::too_big);
}

TEST_CASE("an IPREF packet in two, and together again", "[split]") {
    for (const auto ea_a : kFamilies) {
        for (const auto ea_b : kFamilies) {
            for (const uint8_t protocol : {kTcp, kUdp, kIcmp}) {
                Lab lab(ea_a, ea_b, Family::v4);
                auto bytes = segment(protocol, 1333);
                if (protocol == kIcmp) bytes[0] = ea_a == Family::v4 ? 8 : 128, bytes[1] = 0;
                auto tunnel = lab.a.encap(local_packet(lab.a.host, lab.a.remote, protocol, bytes));
                const auto expected = see_tunnel(tunnel.out.at(0)).bytes;
                const auto pieces = pieces_of(gw::Splitter::tunnel(tunnel.out[0], 1000, 77));
                REQUIRE(pieces.size() == 2);
                CHECK(pieces[0].size() == 996);
                ByteVector joined;
                size_t arrived = 0;
                for (const auto& piece : pieces) {
                    CHECK(piece.size() <= 1000);
                    const auto seen = see_tunnel(piece);
                    CHECK(seen.fragment->offset == joined.size());
                    CHECK(seen.fragment->more == (joined.empty()));
                    CHECK(seen.fragment->id == 77);
                    CHECK_FALSE(seen.df);
                    append(joined, seen.bytes);
                    arrived += lab.b.decap(piece).out.size();
                }
                CHECK(joined == expected);
                CHECK(arrived == 2);
            }
        }
    }
}

TEST_CASE("a fragment is split further", "[split]") {
    Lab lab(Family::v4, Family::v4, Family::v4);
    auto packet = tunnel_packet(lab.a.ours, lab.a.theirs, kUdp, segment(kUdp, 800),
                                {60, true, wire::Fragment{1600, true, 9}});
    const auto pieces = pieces_of(gw::Splitter::tunnel(packet, 300, 77));
    REQUIRE(pieces.size() == 4);
    size_t offset = 1600;
    for (const auto& piece : pieces) {
        const auto seen = see_tunnel(piece);
        CHECK(seen.fragment == wire::Fragment{static_cast<uint16_t>(offset), true, 9});
        offset += seen.bytes.size();
    }
    CHECK(offset == 2400);
}

TEST_CASE("what need not or cannot be split", "[split]") {
    Lab lab(Family::v4, Family::v4, Family::v4);
    auto packet = tunnel_packet(lab.a.ours, lab.a.theirs, kUdp, segment(kUdp, 100), {60, true, {}});
    CHECK(pieces_of(gw::Splitter::tunnel(packet, packet.size(), 77)).at(0) == packet);
    CHECK_FALSE(gw::Splitter::tunnel(packet, 43, 77));
    CHECK(gw::Splitter::tunnel(packet, 44, 77));
    ByteVector junk(30, 0xff);
    CHECK_FALSE(gw::Splitter::tunnel(junk, 20, 77));
    CHECK_FALSE(gw::Splitter::ipv6(junk, 1280, 77));
}

TEST_CASE("an ICMP error loses some of its quote rather than be split", "[split]") {
    Lab lab(Family::v4, Family::v4, Family::v4);
    auto inner = tunnel_packet(lab.a.theirs, lab.a.ours, kUdp, segment(kUdp, 500));
    auto packet = tunnel_packet(lab.a.ours, lab.a.theirs, kIcmp, icmp(3, 2, 0, inner));
    const auto pieces = pieces_of(gw::Splitter::tunnel(packet, 301, 77));
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].size() == 301);
    CHECK(see_tunnel(pieces[0]).checksum);
    CHECK(lab.b.decap(pieces[0]).forwarded());
    CHECK_FALSE(gw::Splitter::tunnel(packet, 35, 77));
}

TEST_CASE("towards a local IPv6 host, by the MTU learnt", "[split]") {
    const Lab lab(Family::v6, Family::v6, Family::v4);
    const auto packet = local_packet(lab.a.remote, lab.a.host, kTcp, segment(kTcp, 3001));
    const auto pieces = pieces_of(gw::Splitter::ipv6(packet, 1400, 0xabcdef01));
    REQUIRE(pieces.size() == 3);
    ByteVector joined;
    for (const auto& piece : pieces) {
        CHECK(piece.size() <= 1400);
        const auto seen = see_local(piece);
        CHECK(seen.fragment->offset == joined.size());
        CHECK(seen.fragment->id == 0xabcdef01);
        CHECK(seen.protocol == kTcp);
        append(joined, seen.bytes);
        CHECK(seen.fragment->more == (joined.size() < 3001));
    }
    CHECK(joined == see_local(packet).bytes);
    // Never below what every link carries.
    CHECK(pieces_of(gw::Splitter::ipv6(packet, 500, 1)).at(0).size() == 1280);
    CHECK(pieces_of(gw::Splitter::ipv6(packet, 9000, 1)).at(0) == packet);

    const auto fragment = local_packet(lab.a.remote, lab.a.host, kTcp, segment(kTcp, 2400),
                                       {60, true, wire::Fragment{80, true, 9}});
    const auto smaller = pieces_of(gw::Splitter::ipv6(fragment, 1280, 1));
    REQUIRE(smaller.size() == 2);
    CHECK(see_local(smaller[1]).fragment == wire::Fragment{80 + 1232, true, 9});
}
