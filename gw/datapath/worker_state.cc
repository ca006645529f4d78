// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/worker_state.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gw/datapath/translate/mtu.h"

namespace ipref::gw {

namespace {

/// The address at `ip4` or `ip6` bytes into an IP packet; 0.0.0.0 if there is none.
net::Ip address_in(Bytes packet, size_t ip4, size_t ip6) {
    const bool v6 = !packet.empty() && packet[0] >> 4 == 6;
    const auto family = v6 ? net::Family::v6 : net::Family::v4;
    const size_t at = v6 ? ip6 : ip4;
    if (packet.size() < at + net::address_size(family)) return {};
    return {family, packet.data() + at};
}

uint64_t seed() {
    uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value) value = 1;
    return value;
}

}  // namespace

net::Ip source_of(Bytes packet) {
    return address_in(packet, 12, 8);
}
net::Ip destination_of(Bytes packet) {
    return address_in(packet, 16, 24);
}

PeerSeconds peer_seconds(Time now) {
    const auto past = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    return static_cast<PeerSeconds>(past.count()) + 1;
}

WorkerState::WorkerState(const WorkerShared& all, TunEdge& tun_edge, UdpEdge* udp4, UdpEdge* udp6)
    : shared(all), tun(tun_edge), udp_{udp4, udp6}, random_state_(seed()) {
    log_limits_.fill(run::LogLimit(2, std::chrono::seconds(60)));
}

void WorkerState::set_now(Time now) {
    now_ = now;
    seconds_ = peer_seconds(now);
    tapping_ = tap.wants_packets();
}

void WorkerState::learn_mtus(UdpEdge& udp) {
    std::array<PathMtu, 16> reports;
    size_t count = 0;
    do {
        count = udp.path_mtus(reports);
        for (const auto& report : std::span(reports).first(count)) {
            if (!shared.peers.learn_mtu(peer_cache, report.peer, report.mtu, seconds_)) continue;
            counters.path_mtu_changes.add();
            run::log_debug(run::Topic::peers, "path MTU to {} is {} now", report.peer.str(),
                           report.mtu);
        }
    } while (count == reports.size());
}

void WorkerState::learn_mtus() {
    for (auto* udp : udp_) {
        if (udp != nullptr) learn_mtus(*udp);
    }
}

size_t WorkerState::room_to(const net::Ip& peer, const PeerPath& path) const {
    const uint32_t most = peer.is_v4() ? shared.mtu4 : shared.mtu6;
    const uint32_t mtu = path.mtu == 0 ? most : std::min(path.mtu, most);
    return tunnel_room(mtu, peer.family());
}

void WorkerState::send(std::span<Datagram> datagrams, UdpEdge& udp) {
    udp.send(datagrams);
    bool too_large = false;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    for (const auto& each : datagrams) {
        if (each.error == 0) {
            packets++;
            bytes += each.size();
            tapped(TapPoint::tunnel, Direction::out, each.head, each.rest, &each.to);
        } else if (each.error == EMSGSIZE) {
            too_large = true;
        } else {
            drop(Direction::out, DropReason::tunnel_send_failed,
                 {.datagram = each.head, .rest = each.rest, .peer = &each.to, .error = each.error});
        }
    }
    counters.udp_sent_packets.add(packets);
    counters.udp_sent_bytes.add(bytes);
    if (too_large) learn_mtus(udp);
}

void WorkerState::write_local(Bytes head, Bytes rest) {
    const std::array<Bytes, 2> parts{head, rest};
    const int error = tun.write({}, std::span(parts).first(rest.empty() ? 1 : 2));
    if (error == 0) {
        counters.tun_sent_packets.add();
        counters.tun_sent_bytes.add(head.size() + rest.size());
        tapped(TapPoint::tun, Direction::in, head, rest, nullptr);
        return;
    }
    drop(Direction::in, DropReason::tun_write_failed, {.packet = head, .error = error});
}

void WorkerState::put_tap(TapPoint point, Direction direction, Bytes head, Bytes rest,
                          const net::Endpoint* peer, uint64_t count) {
    TapEvent event;
    event.point = point;
    event.inward = direction == Direction::in;
    event.count = count;
    if (peer != nullptr) event.peer = *peer;
    tap.put(event, head, rest);
}

void WorkerState::tap_drop(Direction direction, DropReason reason, const About& about) {
    TapEvent event;
    const bool datagram = !about.datagram.empty();
    event.point = datagram ? TapPoint::tunnel : TapPoint::tun;
    event.inward = direction == Direction::in;
    event.dropped = true;
    event.reason = reason;
    event.error = about.error;
    event.count = about.count;
    if (about.peer != nullptr) event.peer = *about.peer;
    tap.put(event, datagram ? about.datagram : about.packet, about.rest);
}

void WorkerState::drop(Direction direction, DropReason reason, const About& about) {
    if (tap.wants_drops()) tap_drop(direction, reason, about);
    (direction == Direction::out ? counters.out : counters.in).count(reason, about.count);
    const auto& info = describe(reason);
    // Any IPv6 stack tells its neighbours' multicast groups: counted, not worth a line.
    const bool quiet = info.quiet || destination_of(about.packet).is_multicast();
    uint64_t suppressed = 0;
    if (quiet || !log_limits_[static_cast<size_t>(reason)].allow(now_, suppressed)) return;
    std::string text = direction == Direction::out ? "into the tunnel" : "out of the tunnel";
    if (!about.packet.empty()) {
        text += fmt::format(", {} to {}", source_of(about.packet).str(),
                            destination_of(about.packet).str());
    }
    if (about.peer != nullptr) text += fmt::format(", peer {}", about.peer->str());
    if (about.error != 0) text += fmt::format(": {}", strerror(about.error));
    if (suppressed > 0) text += fmt::format("; {} more of this kind before", suppressed);
    run::log_warning("packet dropped: {} ({})", info.text, text);
}

void WorkerState::trace(std::string_view what, const net::Endpoint& peer, Bytes packet) const {
    if (!shared.trace) return;
    run::log_debug(run::Topic::packets, "packet {} {}: {} to {}, {} bytes", what, peer.str(),
                   source_of(packet).str(), destination_of(packet).str(), packet.size());
}

/// splitmix64.
uint32_t WorkerState::random() {
    uint64_t z = random_state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>(z >> 32);
}

}  // namespace ipref::gw
