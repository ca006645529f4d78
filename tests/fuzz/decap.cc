// SPDX-License-Identifier: GPL-2.0-or-later
// IPREF packets out of the tunnel: what comes out is a packet whose length fields and IP checksum
// are right, and whose layer-4 checksum is right if and only if it was.
#include "fuzz/translate.h"

using namespace ipref;
using namespace ipref::test;

namespace {

/// The header again with mapped addresses, likewise that of a quoted packet.
void set_addresses(ByteVector& packet, size_t at, const IpRef& source, const IpRef& destination) {
    const auto parsed = wire::parse_tunnel_header(gw::Bytes(packet).subspan(at));
    if (!parsed) return;
    auto header = parsed->header;
    header.source = source;
    header.destination = destination;
    std::array<uint8_t, wire::kMaxTunnelHeader> space;
    const size_t size = wire::build_tunnel_header(header, space);
    const auto begin = packet.begin() + static_cast<ptrdiff_t>(at);
    packet.erase(begin, begin + static_cast<ptrdiff_t>(parsed->size));
    packet.insert(packet.begin() + static_cast<ptrdiff_t>(at), space.begin(),
                  space.begin() + static_cast<ptrdiff_t>(size));
}

void repair(ByteVector& packet, const Choices& choices, const Site& site) {
    if (choices.fix_addresses()) set_addresses(packet, 0, site.theirs, site.ours);
    const auto parsed = wire::parse_tunnel_header(packet);
    if (!parsed || packet.size() < parsed->size + 20) return;
    const uint8_t protocol = parsed->header.protocol;
    if (choices.fix_addresses() && protocol == kIcmp && packet[parsed->size] % 8 != 0) {
        set_addresses(packet, parsed->size + 8, site.ours, site.theirs);
    }
    const size_t at = checksum_at(protocol);
    if (!choices.fix_checksum() || at == 0 || protocol == 58) return;
    if (packet.size() < parsed->size + 20) return;
    ByteVector bytes(packet.begin() + static_cast<ptrdiff_t>(parsed->size), packet.end());
    set16(bytes, at, 0);
    const auto all = protocol == kIcmp ? bytes : covered(nullptr, protocol, bytes);
    const auto field = static_cast<uint16_t>(~plain_sum(all));
    set16(packet, parsed->size + at, field == 0 ? 0xffff : field);
}

void check_decap(const ByteVector& packet, const ByteVector& out, const Choices& choices) {
    const auto before = see_tunnel(packet);
    const auto after = see_local(out);  // fails if a length field is wrong
    require(after.fragment.has_value() || !before.fragment || before.fragment->atomic());
    if (after.source.is_v4()) {
        require(plain_sum({out.begin(), out.begin() + 20}) == 0xffff);
    }
    const size_t mtu = 1280 + size_t{choices.room};
    check_split(gw::Splitter::ipv6(out, mtu, 7), mtu, out.size());
    if (!whole(before)) return;
    const bool error = before.protocol == kIcmp && before.bytes[0] % 8 != 0;
    const bool no_udp_sum = before.protocol == kUdp && get16(before.bytes, 6) == 0;
    if (error) {
        require(after.checksum);
    } else if (!no_udp_sum) {
        require(after.checksum == before.checksum);
        require(after.bytes.size() == before.bytes.size());
    }
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
        return gw::decap(bytes, here.theirs.ip, {here.settings, here.lookup, here.decap_waiting},
                         {}, here.plan);
    });
    std::array<uint8_t, gw::kMaxIcmpError> space;
    const auto made = gw::make_tunnel_error(gw::IcmpError::ttl_expired, packet, here.theirs.ip,
                                            here.settings, 1400, space);
    if (done.verdict.action == gw::Action::answer) {
        require(gw::may_answer_tunnel(packet));
        require(made && see_tunnel({made->bytes.begin(), made->bytes.end()}).checksum);
    }
    if (done.forwarded()) check_decap(packet, done.out[0], choices);
    return 0;
}
