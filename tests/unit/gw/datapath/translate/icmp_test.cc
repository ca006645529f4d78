// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP errors and the packets quoted in them.
#include "gw/datapath/translate/icmp_types.h"
#include "unit/catch.h"
#include "unit/gw/datapath/translate/lab.h"

using namespace ipref;
using namespace ipref::test;
using enum gw::DropReason;

namespace {

constexpr size_t kQuoteAt = 8;

/// The packet that b sent and that arrived at a's host: what an error of a quotes.
ByteVector arrived(const Site& site, uint8_t protocol, size_t size) {
    auto bytes = segment(protocol, size);
    if (protocol == kIcmp) {
        bytes[0] = site.host.is_v6() ? 128 : 8;
        bytes[1] = 0;
    }
    return local_packet(site.remote, site.host, protocol, bytes, {50, true, {}});
}

/// An error of `site`'s host about `quoted`, type and code as in the tunnel.
ByteVector error_of(const Site& site, uint8_t type, uint8_t code, uint32_t rest,
                    const ByteVector& quoted) {
    const auto* mapping = gw::find_icmp(gw::IcmpSide::tunnel, {type, code});
    const auto& own = mapping->on(gw::icmp_side(site.host.family()));
    return local_packet(site.host, site.remote, kIcmp, icmp(own.type, own.code, rest, quoted));
}

ByteVector after(const ByteVector& bytes, size_t count) {
    return {bytes.begin() + static_cast<ptrdiff_t>(count), bytes.end()};
}
ByteVector cut(ByteVector bytes, size_t size) {
    bytes.resize(size);
    return bytes;
}

}  // namespace

TEST_CASE("the table of types is the specification's", "[icmp]") {
    const int expected[][6] = {{0, 0, 0, 0, 129, 0}, {8, 0, 8, 0, 128, 0}, {3, 0, 3, 0, 1, 0},
                               {3, 1, 3, 1, 1, 3},   {3, 2, 3, 3, 1, 4},   {3, 4, 3, 4, 2, 0},
                               {3, 13, 3, 13, 1, 1}, {11, 0, 11, 0, 3, 0}, {11, 1, 11, 1, 3, 1}};
    CHECK(gw::icmp_mappings().size() == std::size(expected));
    for (const auto& line : expected) {
        auto type = [&](int at) {
            return gw::IcmpType{static_cast<uint8_t>(line[at]), static_cast<uint8_t>(line[at + 1])};
        };
        const auto* mapping = gw::find_icmp(gw::IcmpSide::tunnel, type(0));
        REQUIRE(mapping != nullptr);
        CHECK(mapping->v4 == type(2));
        CHECK(mapping->v6 == type(4));
    }
}

TEST_CASE("every error goes through with its quote, whatever its length", "[icmp]") {
    for (const auto ea_a : kFamilies) {
        for (const auto ea_b : kFamilies) {
            Lab lab(ea_a, ea_b, Family::v4);
            for (const auto& mapping : gw::icmp_mappings()) {
                if (!mapping.error) continue;
                for (const uint8_t protocol : {kTcp, kUdp, kIcmp}) {
                    for (const size_t size : {40, 41, 43}) {
                        const auto quoted = arrived(lab.a, protocol, size);
                        const auto sent = lab.a.encap(error_of(lab.a, mapping.tunnel.type,
                                                               mapping.tunnel.code, 1400, quoted));
                        REQUIRE(sent.forwarded());
                        const auto middle = see_tunnel(sent.out[0]);
                        CHECK(middle.checksum);
                        CHECK(middle.bytes[0] == mapping.tunnel.type);
                        const auto inner = see_tunnel(after(middle.bytes, kQuoteAt));
                        CHECK(inner.checksum);
                        CHECK(inner.tunnel.source == lab.a.theirs);
                        CHECK(inner.tunnel.destination == lab.a.ours);
                        CHECK(inner.ttl == 50);

                        const auto out = lab.b.decap(sent.out[0]);
                        REQUIRE(out.forwarded());
                        const auto seen = see_local(out.out[0]);
                        CHECK(seen.checksum);
                        const auto& type = mapping.on(gw::icmp_side(ea_b));
                        CHECK(seen.bytes[0] == type.type);
                        CHECK(seen.bytes[1] == type.code);
                        const auto last = see_local(after(seen.bytes, kQuoteAt));
                        CHECK(last.checksum);
                        CHECK(last.source == lab.b.host);
                        CHECK(last.destination == lab.b.remote);
                    }
                }
            }
            CHECK(lab.a.lookup.allocations() + lab.b.lookup.allocations() == 0);
        }
    }
}

TEST_CASE("the MTU is translated, into the tunnel and out of it", "[icmp][mtu]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        const auto sent = lab.a.encap(error_of(lab.a, 3, 4, 1400, arrived(lab.a, kUdp, 40)));
        const auto middle = see_tunnel(sent.out.at(0));
        // Not an IPv6 header for IPv4, as the deployed ones do.
        CHECK(get16(middle.bytes, 6) == (ea == Family::v4 ? 1400 : 1400 - 40 - 8 + 20));
        const auto seen = see_local(lab.b.decap(sent.out[0]).out.at(0));
        if (ea == Family::v4) {
            CHECK(get16(seen.bytes, 6) == 1400 - 76 + 20);
        } else {
            CHECK(get16(seen.bytes, 4) == 0);
            CHECK(get16(seen.bytes, 6) == 1372 - 76 + 40);
        }
    }
}

TEST_CASE("a local IPv6 host's packet too big is learnt", "[icmp][mtu]") {
    Lab v6(Family::v6, Family::v4, Family::v4);
    const auto quoted = arrived(v6.a, kUdp, 40);
    const Ip router = ip("fd01::ffff");
    v6.a.lookup.add_ours(router, {v6.a.ours.ip, {0, 99}});
    const auto error = local_packet(router, v6.a.remote, kIcmp, icmp(2, 0, 1400, quoted));
    REQUIRE(v6.a.encap(error).forwarded());
    REQUIRE(v6.a.plan.learnt);
    CHECK(v6.a.plan.learnt->host == v6.a.host);
    CHECK(v6.a.plan.learnt->mtu == 1400);
    v6.a.encap(local_packet(router, v6.a.remote, kIcmp, icmp(2, 0, 100, quoted)));
    CHECK(v6.a.plan.learnt->mtu == 1280);
    v6.a.encap(error_of(v6.a, 11, 0, 0, quoted));
    CHECK_FALSE(v6.a.plan.learnt);
    Lab v4(Family::v4, Family::v4, Family::v4);
    v4.a.encap(error_of(v4.a, 3, 4, 1400, arrived(v4.a, kUdp, 40)));
    CHECK_FALSE(v4.a.plan.learnt);
}

TEST_CASE("a quote is taken from 576 bytes at most", "[icmp]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v6);
        const auto quoted = arrived(lab.a, kTcp, 1200);
        const auto sent = lab.a.encap(error_of(lab.a, 3, 1, 0, quoted));
        const auto middle = see_tunnel(sent.out.at(0));
        CHECK(middle.checksum);
        const auto inner = see_tunnel(after(middle.bytes, kQuoteAt));
        CHECK(inner.bytes.size() == 576 - net::header_size(ea));

        auto bytes = tunnel_packet(lab.b.ours, lab.b.theirs, kTcp, segment(kTcp, 1200));
        const auto back =
            lab.b.decap(tunnel_packet(lab.b.theirs, lab.b.ours, kIcmp, icmp(3, 1, 0, bytes)));
        const auto seen = see_local(back.out.at(0));
        CHECK(seen.checksum);
        CHECK(see_local(after(seen.bytes, kQuoteAt)).bytes.size() == 576 - (bytes.size() - 1200));
    }
}

TEST_CASE("a truncated quote is fine, down to the header", "[icmp]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        const auto quoted = arrived(lab.a, kTcp, 40);
        const size_t header = net::header_size(ea);
        for (size_t size = header; size < quoted.size(); size++) {
            const auto sent = lab.a.encap(error_of(lab.a, 3, 1, 0, cut(quoted, size)));
            REQUIRE(sent.forwarded());
            const auto middle = see_tunnel(sent.out[0]);
            CHECK(middle.checksum);
            CHECK(see_tunnel(after(middle.bytes, kQuoteAt)).bytes.size() == size - header);
            const auto got = lab.b.decap(sent.out[0]);
            REQUIRE(got.forwarded());
            CHECK(see_local(got.out[0]).checksum);
        }
        for (size_t size = 0; size < header; size++) {
            CHECK(lab.a.encap(error_of(lab.a, 3, 1, 0, cut(quoted, size)))
                      .dropped(icmp_inner_malformed));
            CHECK(lab.b
                      .decap(tunnel_packet(lab.b.theirs, lab.b.ours, kIcmp,
                                           icmp(3, 1, 0, ByteVector(size > 19 ? 19 : size, 0x10))))
                      .dropped(icmp_inner_malformed));
        }
    }
}

TEST_CASE("quoted fragments keep their place", "[icmp]") {
    Lab lab(Family::v6, Family::v4, Family::v4);
    const auto quoted = local_packet(lab.a.remote, lab.a.host, kUdp, segment(kUdp, 64),
                                     {50, true, wire::Fragment{64, true, 5}});
    const auto sent = lab.a.encap(error_of(lab.a, 11, 1, 0, quoted));
    const auto inner = see_tunnel(after(see_tunnel(sent.out.at(0)).bytes, kQuoteAt));
    CHECK(inner.fragment == wire::Fragment{64, true, 5});
    CHECK(inner.bytes == segment(kUdp, 64));
    const auto got = see_local(lab.b.decap(sent.out[0]).out.at(0));
    CHECK(see_local(after(got.bytes, kQuoteAt)).fragment == wire::Fragment{64, true, 5});
}

TEST_CASE("quotes of strangers are dropped, and allocate nothing", "[icmp]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        auto quote = [&](const Ip& from, const Ip& to) {
            return lab.a.encap(
                error_of(lab.a, 3, 1, 0, local_packet(from, to, kUdp, segment(kUdp, 40))));
        };
        const Ip stranger = Lab::host(ea, 77);
        CHECK(quote(stranger, lab.a.host).dropped(icmp_inner_unmapped));
        CHECK(quote(lab.a.remote, stranger).dropped(icmp_inner_unmapped));
        CHECK(quote(lab.a.remote, lab.a.gateway).forwarded());

        auto tunnel_quote = [&](const IpRef& from, const IpRef& to) {
            const auto inner = tunnel_packet(from, to, kUdp, segment(kUdp, 40));
            return lab.b.decap(
                tunnel_packet(lab.b.theirs, lab.b.ours, kIcmp, icmp(3, 1, 0, inner)));
        };
        CHECK(tunnel_quote({lab.b.ours.ip, {0, 9}}, lab.b.theirs).dropped(icmp_inner_unmapped));
        CHECK(tunnel_quote(lab.b.ours, {lab.b.theirs.ip, {0, 9}}).dropped(icmp_inner_unmapped));
        CHECK(tunnel_quote(lab.b.ours, lab.b.theirs).forwarded());
        CHECK(tunnel_quote(lab.b.ours, {ip("0.0.0.0"), lab.b.theirs.ref}).forwarded());
        CHECK(lab.a.lookup.allocations() + lab.b.lookup.allocations() == 0);
    }
}

TEST_CASE("what cannot be translated inside is dropped", "[icmp]") {
    Lab lab(Family::v4, Family::v4, Family::v4);
    auto quote = [&](size_t at, int value) {
        auto bytes = arrived(lab.a, kIcmp, 40);
        bytes[at] = static_cast<uint8_t>(value);
        return lab.a.encap(error_of(lab.a, 3, 1, 0, bytes));
    };
    CHECK(quote(0, 0x65).dropped(icmp_inner_malformed));
    CHECK(quote(0, 0x46).dropped(icmp_inner_malformed));
    CHECK(quote(9, 51).dropped(protocol));
    CHECK(quote(20, 13).dropped(icmp_type));
    CHECK(quote(8, 0).forwarded());
    const auto inner = tunnel_packet(lab.a.ours, lab.a.theirs, kUdp, segment(kUdp, 40));
    auto bad = inner;
    bad[0] = 0x20;
    CHECK(lab.a.decap(tunnel_packet(lab.a.theirs, lab.a.ours, kIcmp, icmp(3, 1, 0, bad)))
              .dropped(icmp_inner_malformed));
}

TEST_CASE("types without a translation are dropped", "[icmp]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        const auto side = gw::icmp_side(ea);
        size_t passed = 0;
        for (int type = 0; type < 256; type++) {
            for (const int code : {0, 1, 2, 3, 4, 9, 13}) {
                const gw::IcmpType tried{static_cast<uint8_t>(type), static_cast<uint8_t>(code)};
                const auto* mapping = gw::find_icmp(side, tried);
                if (mapping != nullptr) {
                    passed++;
                    continue;
                }
                const auto message = icmp(tried.type, tried.code, 0, arrived(lab.a, kUdp, 40));
                CHECK(lab.a.encap(local_packet(lab.a.host, lab.a.remote, kIcmp, message))
                          .dropped(icmp_type));
            }
        }
        CHECK(passed == gw::icmp_mappings().size());
        CHECK(lab.a.decap(tunnel_packet(lab.a.theirs, lab.a.ours, kIcmp, icmp(3, 3, 0, {})))
                  .dropped(icmp_type));
    }
}

TEST_CASE("errors within errors, three deep", "[icmp]") {
    for (const auto ea_a : kFamilies) {
        for (const auto ea_b : kFamilies) {
            Lab lab(ea_a, ea_b, Family::v6);
            // Between the two hosts, each quoting the last.
            auto wrap = [&](const ByteVector& packet, bool outwards) {
                const auto message = icmp(ea_a == Family::v4 ? 3 : 1, 0, 0, packet);
                return outwards ? local_packet(lab.a.host, lab.a.remote, kIcmp, message)
                                : local_packet(lab.a.remote, lab.a.host, kIcmp, message);
            };
            const auto depth1 = wrap(arrived(lab.a, kUdp, 40), true);
            CHECK(lab.a.encap(depth1).forwarded());
            // An inner packet always is one that came from the other side.
            const auto inner2 =
                local_packet(lab.a.remote, lab.a.host, kIcmp,
                             icmp(ea_a == Family::v4 ? 3 : 1, 0, 0, arrived(lab.a, kUdp, 40)));
            const auto depth2 = wrap(inner2, true);
            const auto two = lab.a.encap(depth2);
            REQUIRE(two.forwarded());
            CHECK(see_tunnel(two.out[0]).checksum);
            const auto got = lab.b.decap(two.out[0]);
            REQUIRE(got.forwarded());
            const auto outer = see_local(got.out[0]);
            CHECK(outer.checksum);
            const auto middle = see_local(after(outer.bytes, kQuoteAt));
            CHECK(middle.checksum);
            CHECK(see_local(after(middle.bytes, kQuoteAt)).checksum);

            const auto depth3 = wrap(wrap(inner2, false), true);
            const auto three = lab.a.encap(depth3);
            REQUIRE(three.forwarded());
            CHECK(lab.b.decap(three.out[0]).forwarded());
            CHECK(lab.a.encap(wrap(wrap(wrap(inner2, false), false), true))
                      .dropped(icmp_inner_depth));
            // Cut within the innermost header.
            const auto shorter = wrap(cut(inner2, net::header_size(ea_a) + 8 + 5), true);
            CHECK(lab.a.encap(shorter).forwarded());
        }
    }
}

TEST_CASE("extensions behind a quote are left out", "[icmp]") {
    // RFC 4884: the quote padded to 128 bytes, then what a router adds.
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        const auto quoted = arrived(lab.a, kUdp, 60);
        auto padded = cut(quoted, 128);
        append(padded, ByteVector{0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4});
        const uint32_t attribute = ea == Family::v4 ? 32u << 16 : 16u << 24;
        const auto sent = lab.a.encap(error_of(lab.a, 11, 0, attribute, padded));
        const auto middle = see_tunnel(sent.out.at(0));
        CHECK(middle.checksum);
        CHECK(get16(middle.bytes, 4) == 0);
        CHECK(see_tunnel(after(middle.bytes, kQuoteAt)).bytes.size() == 60);
    }
}
