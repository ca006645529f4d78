// SPDX-License-Identifier: GPL-2.0-or-later
// Local packets into the tunnel and out again at a mirror site: sizes agree with headers, right
// checksums stay right, wrong ones wrong, and the segment comes back as it was.
#include "fuzz/translate.h"

using namespace ipref;
using namespace ipref::test;

namespace {

void set_addresses(ByteVector& packet, size_t at, const Ip& source, const Ip& destination) {
    const size_t first = at + (source.is_v4() ? 12 : 8);
    if (packet.size() < first + 2 * source.size()) return;
    packet[at] = source.is_v4() ? 0x45 : 0x60;
    std::memcpy(packet.data() + first, source.data(), source.size());
    std::memcpy(packet.data() + first + source.size(), destination.data(), source.size());
}

void repair(ByteVector& packet, const Choices& choices, const Site& site) {
    const bool v4 = site.host.is_v4();
    const size_t header = net::header_size(site.host.family());
    if (packet.size() < header) return;
    if (choices.fix_addresses()) {
        set_addresses(packet, 0, site.host, site.remote);
        const bool error = packet[v4 ? 9 : 6] == (v4 ? 1 : 58) && packet.size() > header &&
                           packet[header] != (v4 ? 8 : 128);
        if (error) set_addresses(packet, header + 8, site.remote, site.host);
    }
    if (choices.fix_length()) set16(packet, v4 ? 2 : 4, packet.size() - (v4 ? 0 : 40));
    const auto parsed = gw::parse_ip_header(packet, gw::Completeness::whole);
    if (parsed && v4) {  // the kernel has checked it
        set16(packet, 10, 0);
        set16(packet, 10, static_cast<uint16_t>(~plain_sum({packet.begin(), packet.begin() + 20})));
    }
    if (!choices.fix_checksum() || !parsed || parsed->payload < 20) return;
    const uint8_t protocol = parsed->header.protocol;
    const size_t at = checksum_at(protocol);
    if (at == 0) return;
    ByteVector bytes(packet.end() - static_cast<ptrdiff_t>(parsed->payload), packet.end());
    set16(bytes, at, 0);
    const IpRef addresses[] = {{parsed->header.source, {}}, {parsed->header.destination, {}}};
    const auto all = protocol == kIcmp ? bytes : covered(addresses, protocol, bytes);
    const uint16_t field = static_cast<uint16_t>(~plain_sum(all));
    set16(packet, packet.size() - parsed->payload + at, field == 0 ? 0xffff : field);
}

/// 0 and 0xffff are one number in a checksum, and a UDP checksum of 0 is none.
void check_same(const Seen& before, const Seen& after) {
    require(before.bytes.size() == after.bytes.size());
    if (before.bytes == after.bytes) return;
    const size_t at = checksum_at(before.protocol);
    auto a = before.bytes;
    auto b = after.bytes;
    require(at != 0);
    // In a later fragment the field may stand elsewhere.
    const size_t offset = before.fragment ? before.fragment->offset : 0;
    require(offset <= at && at - offset + 2 <= a.size());
    const size_t was = get16(a, at - offset);
    const size_t is = get16(b, at - offset);
    require((was == 0 && is == 0xffff) || (was == 0xffff && is == 0));
    set16(a, at - offset, 0);
    set16(b, at - offset, 0);
    require(a == b);
}

bool is_error(const Seen& tunnel) {
    return tunnel.protocol == kIcmp && whole(tunnel) && tunnel.bytes[0] != 0 &&
           tunnel.bytes[0] != 8;
}

void check_encap(const ByteVector& packet, const Done& done, Mirror& mirror,
                 const Choices& choices) {
    const auto before = see_local(packet);
    const auto sent = see_tunnel(done.out[0]);
    const bool error = is_error(sent);
    if (error) require(sent.checksum);
    const bool no_udp_sum = sent.protocol == kUdp && whole(sent) && get16(sent.bytes, 6) == 0;
    if (whole(sent) && !error && !no_udp_sum) require(sent.checksum == before.checksum);

    auto copy = done.out[0];
    const size_t room = 60 + size_t{choices.room} * 4;
    check_split(gw::Splitter::tunnel(copy, room, 7), room, copy.size());

    const auto back = translate_within(mirror.there, done.out[0], [&](gw::Bytes bytes) {
        auto& there = mirror.there;
        return gw::decap(bytes, there.theirs.ip,
                         {there.settings, there.lookup, there.decap_waiting}, {}, there.plan);
    });
    if (error) return;  // the quote may be of anything
    require(back.forwarded() || back.verdict.action == gw::Action::hold);
    if (back.forwarded()) check_same(before, see_local(back.out[0]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2 || size > 4096) return 0;
    const Choices choices{data[0], data[1]};
    Mirror mirror(choices);
    Site& here = mirror.here;
    ByteVector packet(data + 2, data + size);
    repair(packet, choices, here);
    const auto done = translate_within(here, packet, [&](gw::Bytes bytes) {
        return gw::encap(bytes, {here.settings, here.lookup, here.encap_waiting}, {}, here.plan);
    });
    std::array<uint8_t, gw::kMaxIcmpError> space;
    const auto made =
        gw::make_local_error(gw::IcmpError::ttl_expired, packet, here.settings, 1400, 1, space);
    if (done.verdict.action == gw::Action::answer) {
        require(gw::may_answer_local(packet));
        require(see_local({made.begin(), made.end()}).checksum);
    }
    // A source other than our host has no reference.
    if (done.forwarded()) check_encap(packet, done, mirror, choices);
    return 0;
}
