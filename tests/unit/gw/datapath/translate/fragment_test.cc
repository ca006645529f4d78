// SPDX-License-Identifier: GPL-2.0-or-later
// Fragments of local packets both ways, and ICMPv6 first fragments that wait.
#include "unit/catch.h"
#include "unit/gw/datapath/translate/lab.h"

using namespace ipref;
using namespace ipref::test;
using namespace std::chrono_literals;
using enum gw::DropReason;

namespace {

constexpr gw::Time kNow{std::chrono::hours(5)};

/// A packet cut into fragments whose payloads end at `ends`.
std::vector<ByteVector> fragments_of(const ByteVector& packet, std::vector<size_t> ends,
                                     uint32_t id = 0x12345678) {
    const auto parsed = gw::parse_ip_header(packet, gw::Completeness::whole).value();
    const ByteVector payload(packet.begin() + static_cast<ptrdiff_t>(parsed.size), packet.end());
    std::vector<ByteVector> out;
    ends.push_back(payload.size());
    size_t start = 0;
    for (const size_t end : ends) {
        auto header = parsed.header;
        header.fragment = wire::Fragment{static_cast<uint16_t>(start), end != payload.size(), id};
        std::array<uint8_t, gw::kMaxIpHeader> space;
        const size_t size = gw::build_ip_header(header, end - start, space);
        ByteVector fragment(space.begin(), space.begin() + static_cast<ptrdiff_t>(size));
        append(fragment, std::span(payload).subspan(start, end - start));
        out.push_back(fragment);
        start = end;
    }
    return out;
}

/// The whole packet again; false checksum if anything is amiss.
Seen reassembled(const std::vector<ByteVector>& fragments) {
    ByteVector payload;
    size_t total = 0;
    size_t got = 0;
    gw::IpHeader header;
    for (const auto& fragment : fragments) {
        const auto seen = see_local(fragment);
        const auto parsed = gw::parse_ip_header(fragment, gw::Completeness::whole).value();
        if (seen.fragment->first()) header = parsed.header;
        const size_t end = seen.fragment->offset + seen.bytes.size();
        payload.resize(std::max(payload.size(), end));
        std::copy(seen.bytes.begin(), seen.bytes.end(), payload.begin() + seen.fragment->offset);
        if (!seen.fragment->more) total = end;
        got += seen.bytes.size();
    }
    REQUIRE(total == payload.size());
    REQUIRE(got == total);
    header.fragment.reset();
    std::array<uint8_t, gw::kMaxIpHeader> space;
    const size_t size = gw::build_ip_header(header, payload.size(), space);
    ByteVector packet(space.begin(), space.begin() + static_cast<ptrdiff_t>(size));
    append(packet, payload);
    return see_local(packet);
}

ByteVector echo(const Site& site, size_t size) {
    return local_packet(site.host, site.remote, kIcmp,
                        icmp(site.host.is_v6() ? 128 : 8, 0, 0x10002, segment(0, size - 8)));
}

}  // namespace

TEST_CASE("fragments pass in any order and come together on the other side", "[fragment]") {
    for (const auto ea_a : kFamilies) {
        for (const auto ea_b : kFamilies) {
            for (const uint8_t protocol : {kTcp, kUdp, kIcmp}) {
                for (const bool reversed : {false, true}) {
                    INFO(int(ea_a) << int(ea_b) << " protocol " << int(protocol) << reversed);
                    Lab lab(ea_a, ea_b, Family::v4);
                    const auto whole = protocol == kIcmp
                                           ? echo(lab.a, 501)
                                           : local_packet(lab.a.host, lab.a.remote, protocol,
                                                          segment(protocol, 501));
                    auto pieces = fragments_of(whole, {8, 16, 200});
                    if (reversed) std::reverse(pieces.begin(), pieces.end());
                    std::vector<ByteVector> out;
                    for (const auto& piece : pieces) {
                        for (const auto& sent : lab.a.encap(piece, kNow).out) {
                            const auto got = lab.b.decap(sent, lab.b.theirs.ip, kNow);
                            out.insert(out.end(), got.out.begin(), got.out.end());
                        }
                    }
                    REQUIRE(out.size() == pieces.size());
                    const auto seen = reassembled(out);
                    CHECK(seen.checksum);
                    CHECK(seen.source == lab.b.remote);
                    CHECK(seen.bytes.size() == 501);
                }
            }
        }
    }
}

TEST_CASE("offset, MF and identification are carried over", "[fragment]") {
    Lab lab(Family::v6, Family::v4, Family::v4);
    const auto pieces = fragments_of(
        local_packet(lab.a.host, lab.a.remote, kUdp, segment(kUdp, 100)), {48}, 0xabcd1234);
    const auto sent = lab.a.encap(pieces[1]);
    CHECK(see_tunnel(sent.out.at(0)).fragment == wire::Fragment{48, false, 0xabcd1234});
    const auto got = see_local(lab.b.decap(sent.out[0]).out.at(0));
    CHECK(got.fragment == wire::Fragment{48, false, 0x1234});  // the low 16 bits
}

TEST_CASE("an atomic fragment is whole", "[fragment]") {
    Lab lab(Family::v6, Family::v6, Family::v6);
    const auto in = fragments_of(echo(lab.a, 64), {})[0];
    const auto sent = lab.a.encap(in, kNow);
    REQUIRE(sent.forwarded());
    CHECK(see_tunnel(sent.out[0]).checksum);
    const auto got = lab.b.decap(sent.out[0], lab.b.theirs.ip, kNow);
    REQUIRE(got.forwarded());
    CHECK(see_local(got.out[0]).checksum);
    CHECK(see_local(got.out[0]).fragment->atomic());
}

TEST_CASE("a first fragment of ICMPv6 waits for the last", "[fragment]") {
    Lab lab(Family::v6, Family::v6, Family::v4);
    const auto pieces = fragments_of(echo(lab.a, 300), {104, 208});
    const auto first = lab.a.encap(pieces[0], kNow);
    CHECK(first.verdict.action == gw::Action::hold);
    CHECK(lab.a.encap_waiting.waiting() == 1);
    CHECK(lab.a.encap(pieces[1], kNow).out.size() == 1);
    const auto last = lab.a.encap(pieces[2], kNow + 59s);
    REQUIRE(last.out.size() == 2);
    CHECK(see_tunnel(last.out[0]).fragment->offset == 208);
    CHECK(see_tunnel(last.out[1]).fragment->first());
    CHECK(lab.a.plan.released->df);
    CHECK(lab.a.encap_waiting.waiting() == 0);
}

TEST_CASE("what waits too long is dropped and counted", "[fragment]") {
    Lab lab(Family::v6, Family::v6, Family::v4);
    const auto pieces = fragments_of(echo(lab.a, 300), {104});
    lab.a.encap(pieces[0], kNow);
    CHECK(lab.a.encap(pieces[1], kNow + 60s).out.size() == 1);
    CHECK(lab.a.drops.get(fragment_timeout) == 1);
    // The last one is now known; a first one sent again does not wait, but for 60 s only.
    CHECK(lab.a.encap(pieces[0], kNow + 119s).out.size() == 1);
    lab.a.encap(pieces[1], kNow + 200s);
    CHECK(lab.a.encap(pieces[0], kNow + 260s).verdict.action == gw::Action::hold);
    lab.a.encap_waiting.expire(kNow + 320s);
    CHECK(lab.a.encap_waiting.waiting() == 0);
    CHECK(lab.a.drops.get(fragment_timeout) == 2);
}

TEST_CASE("waiting fragments are bounded, the oldest gives way", "[fragment]") {
    Lab lab(Family::v6, Family::v6, Family::v4);
    for (uint32_t id = 0; id <= gw::kWaitingFragments; id++) {
        const auto pieces = fragments_of(echo(lab.a, 300), {104}, id);
        lab.a.encap(pieces[0], kNow + std::chrono::milliseconds(id));
    }
    CHECK(lab.a.encap_waiting.waiting() == gw::kWaitingFragments);
    CHECK(lab.a.drops.get(fragment_evicted) == 1);
    auto released = [&](uint32_t id) {
        return lab.a.encap(fragments_of(echo(lab.a, 300), {104}, id)[1], kNow + 1s).out.size() == 2;
    };
    CHECK(released(1));
    CHECK(released(gw::kWaitingFragments));
    CHECK_FALSE(released(0));
}

TEST_CASE("the same first fragment twice waits once", "[fragment]") {
    Lab lab(Family::v6, Family::v6, Family::v4);
    const auto pieces = fragments_of(echo(lab.a, 300), {104});
    lab.a.encap(pieces[0], kNow);
    lab.a.encap(pieces[0], kNow);
    CHECK(lab.a.encap_waiting.waiting() == 1);
    CHECK(lab.a.encap(pieces[1], kNow).out.size() == 2);
    CHECK(lab.a.drops.get(fragment_evicted) == 0);
}

TEST_CASE("fragmented ICMP errors are dropped", "[fragment]") {
    for (const auto ea : kFamilies) {
        Lab lab(ea, ea, Family::v4);
        const auto quoted = local_packet(lab.a.remote, lab.a.host, kUdp, segment(kUdp, 100));
        const auto error = local_packet(lab.a.host, lab.a.remote, kIcmp,
                                        icmp(ea == Family::v4 ? 3 : 1, 0, 0, quoted));
        CHECK(lab.a.encap(fragments_of(error, {64})[0]).dropped(icmp_fragmented_error));
        const auto inner = tunnel_packet(lab.a.ours, lab.a.theirs, kUdp, segment(kUdp, 100));
        const auto tunnel = tunnel_packet(lab.a.theirs, lab.a.ours, kIcmp, icmp(3, 0, 0, inner),
                                          {60, false, wire::Fragment{0, true, 1}});
        CHECK(lab.a.decap(tunnel).dropped(icmp_fragmented_error));
    }
}
