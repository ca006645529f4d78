// SPDX-License-Identifier: GPL-2.0-or-later
// From host to host through two gateways, in every combination of families.
#include "unit/catch.h"
#include "unit/gw/datapath/translate/lab.h"

using namespace ipref;
using namespace ipref::test;

namespace {

/// Calls `test(lab)` for each combination of local and tunnel families.
template <typename Test>
void everywhere(Test test) {
    for (const auto ea_a : kFamilies) {
        for (const auto ea_b : kFamilies) {
            for (const auto gw : kFamilies) {
                INFO("EA " << int(ea_a) << " to " << int(ea_b) << " over " << int(gw));
                Lab lab(ea_a, ea_b, gw);
                test(lab);
            }
        }
    }
}

}  // namespace

TEST_CASE("every protocol goes through, checksums right on every leg", "[translate]") {
    everywhere([](Lab& lab) {
        for (const int number : {6, 17, 33, 136, 132, 47, 50, 4, 41, 97, 108, 115, 137}) {
            const auto protocol = static_cast<uint8_t>(number);
            for (const size_t size : {20, 21, 333, 1400}) {
                const auto payload = segment(protocol, size);
                const auto in = local_packet(lab.a.host, lab.a.remote, protocol, payload);
                const auto tunnel = lab.a.encap(in);
                REQUIRE(tunnel.forwarded());
                const auto middle = see_tunnel(tunnel.out.at(0));
                CHECK(middle.checksum);
                CHECK(middle.tunnel.source == lab.a.ours);
                CHECK(middle.tunnel.destination == lab.a.theirs);
                CHECK(middle.ttl == 60);
                CHECK(lab.a.plan.destination == lab.b.ours.ip);

                const auto out = lab.b.decap(tunnel.out.at(0));
                REQUIRE(out.forwarded());
                CHECK(lab.b.plan.size() == out.out.at(0).size());
                const auto seen = see_local(out.out.at(0));
                CHECK(seen.checksum);
                CHECK(seen.source == lab.b.remote);
                CHECK(seen.destination == lab.b.host);
                CHECK(seen.protocol == protocol);
                CHECK(seen.bytes.size() == size);
            }
        }
    });
}

TEST_CASE("an echo and its reply", "[translate][icmp]") {
    everywhere([](Lab& lab) {
        const bool v6 = lab.a.host.is_v6();
        const auto request = icmp(v6 ? 128 : 8, 0, 0x12340001, segment(0, 57));
        const auto tunnel = lab.a.encap(local_packet(lab.a.host, lab.a.remote, kIcmp, request));
        REQUIRE(tunnel.forwarded());
        CHECK(see_tunnel(tunnel.out[0]).checksum);
        CHECK(see_tunnel(tunnel.out[0]).bytes[0] == 8);
        const auto seen = see_local(lab.b.decap(tunnel.out[0]).out.at(0));
        CHECK(seen.checksum);
        CHECK(seen.bytes[0] == (lab.b.host.is_v6() ? 128 : 8));

        const auto reply = icmp(lab.b.host.is_v6() ? 129 : 0, 0, 0x12340001, segment(0, 56));
        const auto back = lab.b.encap(local_packet(lab.b.host, lab.b.remote, kIcmp, reply));
        const auto got = see_local(lab.a.decap(back.out.at(0)).out.at(0));
        CHECK(got.checksum);
        CHECK(got.bytes[0] == (v6 ? 129 : 0));
        CHECK(got.protocol == (v6 ? 58 : 1));
    });
}

TEST_CASE("an error made before the gateway is still seen after it", "[translate]") {
    everywhere([](Lab& lab) {
        for (const uint8_t protocol : {kTcp, kUdp}) {
            auto in = local_packet(lab.a.host, lab.a.remote, protocol, segment(protocol, 99));
            in[in.size() - 3] ^= 0x10;
            const auto tunnel = lab.a.encap(in);
            CHECK_FALSE(see_tunnel(tunnel.out.at(0)).checksum);
            CHECK_FALSE(see_local(lab.b.decap(tunnel.out[0]).out.at(0)).checksum);
        }
    });
}

TEST_CASE("no UDP checksum stays none, and none is made of a sum of zero", "[translate]") {
    everywhere([](Lab& lab) {
        auto in = local_packet(lab.a.host, lab.a.remote, kUdp, segment(kUdp, 40));
        set16(in, in.size() - 34, 0);
        const auto tunnel = lab.a.encap(in);
        CHECK(get16(see_tunnel(tunnel.out.at(0)).bytes, 6) == 0);
        CHECK(get16(see_local(lab.b.decap(tunnel.out[0]).out.at(0)).bytes, 6) == 0);

        // Two bytes of payload are chosen so that the rest adds up to 0xffff in the tunnel.
        auto bytes = segment(kUdp, 40);
        set16(bytes, 6, 0);
        set16(bytes, 38, 0);
        set16(bytes, 38, static_cast<uint16_t>(~plain_sum(covered(nullptr, kUdp, bytes))));
        const auto zero = lab.a.encap(local_packet(lab.a.host, lab.a.remote, kUdp, bytes));
        CHECK(get16(see_tunnel(zero.out.at(0)).bytes, 6) == 0xffff);
    });
}

TEST_CASE("DF is copied from IPv4 and set for IPv6", "[translate]") {
    everywhere([](Lab& lab) {
        for (const bool df : {false, true}) {
            const auto in =
                local_packet(lab.a.host, lab.a.remote, kTcp, segment(kTcp, 40), {60, df, {}});
            const auto tunnel = lab.a.encap(in);
            const bool expected = df || lab.a.host.is_v6();
            CHECK(see_tunnel(tunnel.out.at(0)).df == expected);
            CHECK(lab.a.plan.df == expected);
            const auto out = lab.b.decap(tunnel.out[0]);
            CHECK(lab.b.plan.df == expected);
            CHECK(see_local(out.out.at(0)).df == (expected || lab.b.host.is_v6()));
        }
    });
}

TEST_CASE("TTL is copied, or decremented on both sides", "[translate]") {
    everywhere([](Lab& lab) {
        const auto in =
            local_packet(lab.a.host, lab.a.remote, kUdp, segment(kUdp, 40), {2, false, {}});
        CHECK(see_tunnel(lab.a.encap(in).out.at(0)).ttl == 2);
        lab.a.settings.dec_ttl = true;
        lab.b.settings.dec_ttl = true;
        const auto tunnel = lab.a.encap(in);
        CHECK(see_tunnel(tunnel.out.at(0)).ttl == 1);
        CHECK(lab.b.decap(tunnel.out[0]).answered(gw::DropReason::ttl_expired));
        for (const auto ttl : {uint8_t{0}, uint8_t{1}}) {
            const auto expired =
                local_packet(lab.a.host, lab.a.remote, kUdp, segment(kUdp, 40), {ttl, false, {}});
            CHECK(lab.a.encap(expired).answered(gw::DropReason::ttl_expired));
            CHECK(lab.a.encap(expired).verdict.error == gw::IcmpError::ttl_expired);
        }
    });
}

TEST_CASE("the gateways themselves are reached by their reference", "[translate]") {
    everywhere([](Lab& lab) {
        const IpRef gateway_b{lab.b.ours.ip, {0, 1}};
        const Ip ea = Lab::host(lab.a.host.family(), 9);
        lab.a.lookup.add_theirs(ea, gateway_b);
        const auto in = local_packet(lab.a.host, ea, kTcp, segment(kTcp, 60));
        const auto tunnel = lab.a.encap(in);
        const auto seen = see_local(lab.b.decap(tunnel.out.at(0)).out.at(0));
        CHECK(seen.destination == lab.b.gateway);
        CHECK(seen.checksum);
        const auto back =
            lab.b.encap(local_packet(lab.b.gateway, lab.b.remote, kTcp, segment(kTcp, 60)));
        CHECK(see_tunnel(back.out.at(0)).tunnel.source == gateway_b);
        CHECK(lab.b.lookup.allocations() == 0);
    });
}

TEST_CASE("a client behind NAT leaves its own address open", "[translate]") {
    for (const auto gw : kFamilies) {
        Lab lab(Family::v4, Family::v4, gw);
        const IpRef open{Ip::any(gw), kRefA};
        Site client(Family::v4, gw, Ip::any(gw), lab.a.host, kRefA, lab.a.theirs, lab.a.remote);
        const auto tunnel =
            client.encap(local_packet(client.host, client.remote, kUdp, segment(kUdp, 30)));
        CHECK(see_tunnel(tunnel.out.at(0)).tunnel.source == open);
        // The peer fills in the address that it sees.
        const auto out = lab.b.decap(tunnel.out[0], lab.a.ours.ip);
        REQUIRE(out.forwarded());
        CHECK(see_local(out.out[0]).source == lab.b.remote);
        // What comes back is to an address that the client does not know to be its own.
        const auto back =
            lab.b.encap(local_packet(lab.b.host, lab.b.remote, kUdp, segment(kUdp, 30)));
        const auto got = client.decap(back.out.at(0), lab.b.ours.ip);
        REQUIRE(got.forwarded());
        CHECK(see_local(got.out[0]).destination == client.host);
    }
}
