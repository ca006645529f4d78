// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/worker.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gw/datapath/translate/icmp_error.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/splitter.h"

namespace ipref::gw {

namespace {

constexpr size_t kSpace = kHeadroom + kPacketSpace;
constexpr uint8_t kTunnelDf = 0x01;  // in the first byte of an IPREF packet

/// The address at `ip4` or `ip6` bytes into an IP packet; 0.0.0.0 if there is none.
net::Ip address_in(Bytes packet, size_t ip4, size_t ip6) {
    const bool v6 = !packet.empty() && packet[0] >> 4 == 6;
    const auto family = v6 ? net::Family::v6 : net::Family::v4;
    const size_t at = v6 ? ip6 : ip4;
    if (packet.size() < at + net::address_size(family)) return {};
    return {family, packet.data() + at};
}
net::Ip source_of(Bytes packet) {
    return address_in(packet, 12, 8);
}
net::Ip destination_of(Bytes packet) {
    return address_in(packet, 16, 24);
}

uint64_t seed() {
    uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value) value = 1;
    return value;
}

}  // namespace

PeerSeconds peer_seconds(Time now) {
    const auto past = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    return static_cast<PeerSeconds>(past.count()) + 1;
}

Worker::Worker(const WorkerShared& shared, TunEdge& tun, UdpEdge* udp4, UdpEdge* udp6)
    : shared_(shared),
      tun_(tun),
      waiting_out_(counters_.out),
      waiting_in_(counters_.in),
      random_state_(seed()),
      memory_(new uint8_t[kBatch * kSpace]) {
    lanes_[0].udp = udp4;
    lanes_[0].mtu = shared.mtu4;
    lanes_[1].udp = udp6;
    lanes_[1].mtu = shared.mtu6;
    log_limits_.fill(run::LogLimit(2, std::chrono::seconds(60)));
    for (auto& lane : lanes_) {
        lane.datagrams.reserve(kBatch);
        lane.waiting.reserve(kBatch);
    }
    for (size_t i = 0; i < kBatch; i++) {
        const std::span space(memory_.get() + i * kSpace + kHeadroom, kPacketSpace);
        tun_spaces_.push_back({space, 0});
        udp_spaces_.push_back({space, 0, {}});
    }
}

Ready Worker::turn(Ready ready, Time now) {
    now_ = now;
    seconds_ = peer_seconds(now);
    if (ready.tun) ready.tun = from_tun();
    if (ready.udp4) ready.udp4 = from_udp(lanes_[0]);
    if (ready.udp6) ready.udp6 = from_udp(lanes_[1]);
    return ready;
}

void Worker::tick(Time now) {
    waiting_out_.expire(now);
    waiting_in_.expire(now);
}

bool Worker::from_tun() {
    const size_t count = tun_.read(tun_spaces_);
    for (size_t i = 0; i < count; i++) {
        const size_t size = tun_spaces_[i].size;
        counters_.tun_received_packets.add();
        counters_.tun_received_bytes.add(size);
        outward(Packet({memory_.get() + i * kSpace, kSpace}, kHeadroom, size));
    }
    for (auto& lane : lanes_) flush(lane);
    return count == kBatch;
}

bool Worker::from_udp(Lane& lane) {
    if (lane.udp == nullptr) return false;
    learn_mtus(lane);
    const size_t count = lane.udp->receive(udp_spaces_);
    for (size_t i = 0; i < count; i++) {
        const size_t size = udp_spaces_[i].size;
        counters_.udp_received_packets.add();
        counters_.udp_received_bytes.add(size);
        inward(Packet({memory_.get() + i * kSpace, kSpace}, kHeadroom, size), udp_spaces_[i].from,
               lane);
    }
    return count == kBatch;
}

void Worker::learn_mtus(Lane& lane) {
    std::array<PathMtu, 16> reports;
    size_t count = 0;
    do {
        count = lane.udp->path_mtus(reports);
        for (const auto& report : std::span(reports).first(count)) {
            if (!shared_.peers.learn_mtu(peer_cache_, report.peer, report.mtu, seconds_)) continue;
            counters_.path_mtu_changes.add();
            run::log_debug("path MTU to {} is {} now", report.peer.str(), report.mtu);
        }
    } while (count == reports.size());
}

void Worker::outward(Packet packet) {
    const auto verdict =
        encap(packet.bytes(), {shared_.settings, shared_.lookup, waiting_out_}, now_, plan_);
    switch (verdict.action) {
        case Action::forward:
            return send_translated(packet);
        case Action::hold:
            return answer_held(packet.bytes());
        case Action::drop:
            return drop(Direction::out, verdict.reason, {.packet = packet.bytes()});
        case Action::answer:
            drop(Direction::out, verdict.reason, {.packet = packet.bytes()});
            return answer_local(verdict.error, packet.bytes(), 0);
    }
}

/// A first fragment that waits goes out in pieces if it is too large. Its sender is told all the
/// same: the fragments that follow are as large, and about those it may not be told.
void Worker::answer_held(Bytes packet) {
    auto& way = lane(plan_.destination.family());
    const auto path = shared_.peers.sending(peer_cache_, plan_.destination, 0, seconds_);
    const size_t room = room_to(plan_.destination, path, way);
    if (fit(plan_, room) == Fit::too_big && may_answer_local(packet)) {
        answer_local(IcmpError::fragmentation_needed, packet, room);
    }
}

size_t Worker::room_to(const net::Ip& peer, const PeerPath& path, const Lane& lane) const {
    const uint32_t mtu = path.mtu == 0 ? lane.mtu : std::min(path.mtu, lane.mtu);
    return tunnel_room(mtu, peer.family());
}

void Worker::send_translated(Packet& packet) {
    const auto peer = plan_.destination;
    auto& way = lane(peer.family());
    if (way.udp == nullptr) {
        return drop(Direction::out, DropReason::tunnel_send_failed,
                    {.packet = packet.bytes(), .error = EAFNOSUPPORT});
    }
    const auto path = shared_.peers.sending(peer_cache_, peer, plan_.size(), seconds_);
    const net::Endpoint to{peer, path.port != 0 ? path.port : shared_.remote_port};
    const size_t room = room_to(peer, path, way);
    if (plan_.learnt) {
        shared_.locals.learn_mtu_of_new(local_cache_, plan_.learnt->host, plan_.learnt->mtu,
                                        seconds_);
    }
    if (shared_.trace) trace(fmt::format("to {}", to.str()), packet.bytes());
    switch (fit(plan_, room)) {
        case Fit::whole:
            queue(to, packet, way);
            break;
        case Fit::split:
            apply(plan_, packet);
            send_split(packet.bytes(), to, way);
            break;
        case Fit::too_big:
            drop(Direction::out, DropReason::mtu_exceeded, {.packet = packet.bytes(), .peer = &to});
            if (may_answer_local(packet.bytes())) {
                answer_local(IcmpError::fragmentation_needed, packet.bytes(), room);
            }
            break;
    }
    if (plan_.released) {
        // What was held goes now: it is gone with the next packet.
        std::vector<uint8_t> copy(plan_.released->bytes.begin(), plan_.released->bytes.end());
        if (copy.size() > room) {
            send_split(copy, to, way);
        } else {
            flush(way);
            Datagram one{to, copy, {}};
            send({&one, 1}, way);
        }
    }
}

void Worker::queue(const net::Endpoint& to, Packet& packet, Lane& way) {
    auto& waiting = way.waiting.emplace_back();
    if (plan_.message().empty() && plan_.skip <= waiting.old_header.size()) {
        std::memcpy(waiting.old_header.data(), packet.bytes().data(), plan_.skip);
        waiting.old_size = plan_.skip;
    }
    apply(plan_, packet);
    waiting.packet = packet;
    way.datagrams.push_back({to, packet.bytes(), {}});
}

void Worker::flush(Lane& way) {
    if (way.datagrams.empty()) return;
    send(way.datagrams, way);
    for (size_t i = 0; i < way.datagrams.size(); i++) {
        if (way.datagrams[i].error == EMSGSIZE) {
            too_large_after_all(way.waiting[i], way.datagrams[i], way);
        }
    }
    way.datagrams.clear();
    way.waiting.clear();
}

/// Counts what became of each; those with EMSGSIZE are the caller's.
void Worker::send(std::span<Datagram> datagrams, Lane& way) {
    way.udp->send(datagrams);
    bool too_large = false;
    for (const auto& each : datagrams) {
        if (each.error == 0) {
            counters_.udp_sent_packets.add();
            counters_.udp_sent_bytes.add(each.head.size() + each.rest.size());
        } else if (each.error == EMSGSIZE) {
            too_large = true;
        } else {
            drop(Direction::out, DropReason::tunnel_send_failed,
                 {.peer = &each.to, .error = each.error});
        }
    }
    if (too_large) learn_mtus(way);
}

void Worker::send_split(std::span<uint8_t> packet, const net::Endpoint& to, Lane& way) {
    flush(way);  // what came before goes before
    // A second round, with the room that is known then, if the network says it is less.
    for (int round = 0; round < 2; round++) {
        const auto path = shared_.peers.sending(peer_cache_, to.ip, 0, seconds_);
        auto splitter = Splitter::tunnel(packet, room_to(to.ip, path, way), random());
        bool too_large = false;
        std::array<Piece, 8> pieces;
        while (splitter) {
            std::array<Datagram, 8> datagrams;
            size_t count = 0;
            while (count < pieces.size() && splitter->next(pieces[count])) {
                datagrams[count] = {to, pieces[count].header(), pieces[count].payload};
                count++;
            }
            if (count == 0) break;
            send({datagrams.data(), count}, way);
            for (size_t i = 0; i < count; i++) too_large |= datagrams[i].error == EMSGSIZE;
        }
        if (splitter && !too_large) return;
    }
    drop(Direction::out, DropReason::mtu_exceeded, {.peer = &to});
}

void Worker::too_large_after_all(Waiting& waiting, const Datagram& datagram, Lane& way) {
    auto& packet = waiting.packet;
    const auto path = shared_.peers.sending(peer_cache_, datagram.to.ip, 0, seconds_);
    const size_t room = room_to(datagram.to.ip, path, way);
    const bool may_split = (packet.bytes()[0] & kTunnelDf) == 0;
    const bool fits = packet.size() <= room;
    if (fits || may_split) {
        // Copies, for the lane's vectors are in use; this is once in a path MTU's life.
        std::vector<uint8_t> copy(packet.bytes().begin(), packet.bytes().end());
        Datagram one{datagram.to, copy, {}};
        if (fits) send({&one, 1}, way);
        if (fits && one.error == EMSGSIZE) {
            drop(Direction::out, DropReason::mtu_exceeded, {.peer = &datagram.to});
        }
        if (!fits) {
            Lane own{way.udp, way.mtu, {}, {}};
            send_split(copy, datagram.to, own);
        }
        return;
    }
    drop(Direction::out, DropReason::mtu_exceeded, {.peer = &datagram.to});
    const auto header = wire::parse_tunnel_header(packet.bytes());
    if (waiting.old_size == 0 || !header) return;
    packet.resize_front(packet.size() - header->size + waiting.old_size);
    std::memcpy(packet.bytes().data(), waiting.old_header.data(), waiting.old_size);
    if (may_answer_local(packet.bytes())) {
        answer_local(IcmpError::fragmentation_needed, packet.bytes(), room);
    }
}

void Worker::answer_local(IcmpError error, Bytes original, size_t room) {
    if (!icmp_limit_.allow(source_of(original), now_)) {
        return counters_.out.count(DropReason::icmp_rate_limited);
    }
    std::array<uint8_t, kMaxIcmpError> space;
    const auto mtu = static_cast<uint16_t>(std::min<size_t>(room, UINT16_MAX));
    const auto packet = make_local_error(error, original, shared_.settings, mtu,
                                         static_cast<uint16_t>(random()), space);
    if (packet.empty()) return;
    counters_.icmp_errors.add();
    write_tun(packet, {});
}

void Worker::inward(Packet packet, const net::Endpoint& from, Lane& way) {
    const auto verdict = decap(packet.bytes(), from.ip,
                               {shared_.settings, shared_.lookup, waiting_in_}, now_, plan_);
    switch (verdict.action) {
        case Action::drop:
            return drop(Direction::in, verdict.reason, {.peer = &from});
        case Action::answer:
            drop(Direction::in, verdict.reason, {.peer = &from});
            return answer_tunnel(verdict.error, packet.bytes(), from, way);
        case Action::forward:
        case Action::hold:
            break;
    }
    if (shared_.peers.received(peer_cache_, from.ip, from.port, packet.size(), seconds_)) {
        run::log_debug("peer {} sends from port {} now", from.ip.str(), from.port);
    }
    if (verdict.action == Action::hold) return;
    apply(plan_, packet);
    if (shared_.trace) trace(fmt::format("from {}", from.str()), packet.bytes());
    deliver(packet.bytes(), plan_.destination, plan_.df);
    if (plan_.released) {
        std::vector<uint8_t> copy(plan_.released->bytes.begin(), plan_.released->bytes.end());
        deliver(copy, plan_.destination, plan_.released->df);
    }
}

void Worker::deliver(std::span<uint8_t> packet, const net::Ip& to, bool df) {
    const uint32_t mtu = to.is_v6() && !df ? shared_.locals.mtu(local_cache_, to, seconds_) : 0;
    if (mtu == 0 || packet.size() <= mtu) return write_tun(packet, {});
    auto splitter = Splitter::ipv6(packet, mtu, random());
    Piece piece;
    while (splitter && splitter->next(piece)) write_tun(piece.header(), piece.payload);
}

void Worker::write_tun(Bytes head, Bytes rest) {
    const int error = tun_.write(head, rest);
    if (error == 0) {
        counters_.tun_sent_packets.add();
        counters_.tun_sent_bytes.add(head.size() + rest.size());
        return;
    }
    drop(Direction::in, DropReason::tun_write_failed, {.packet = head, .error = error});
}

void Worker::answer_tunnel(IcmpError error, Bytes original, const net::Endpoint& from, Lane& way) {
    if (!icmp_limit_.allow(from.ip, now_)) {
        return counters_.in.count(DropReason::icmp_rate_limited);
    }
    std::array<uint8_t, kMaxIcmpError> space;
    const auto packet = make_tunnel_error(error, original, from.ip, shared_.settings, 0, space);
    if (!packet) return;
    counters_.icmp_errors.add();
    // To where it came from, without a place among the peers: it has not proved good.
    Datagram one{{packet->peer, from.port}, packet->bytes, {}};
    send({&one, 1}, way);
    if (one.error == EMSGSIZE) {
        drop(Direction::out, DropReason::mtu_exceeded, {.peer = &from});
    }
}

void Worker::drop(Direction direction, DropReason reason, const About& about) {
    (direction == Direction::out ? counters_.out : counters_.in).count(reason);
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

void Worker::trace(std::string_view what, Bytes packet) const {
    run::log_debug("packet {}: {} to {}, {} bytes", what, source_of(packet).str(),
                   destination_of(packet).str(), packet.size());
}

/// splitmix64: identifications need to differ, not to be secret.
uint32_t Worker::random() {
    uint64_t z = random_state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>(z >> 32);
}

}  // namespace ipref::gw
