// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/outward.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gw/datapath/translate/icmp_error.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/splitter.h"

namespace ipref::gw {

namespace {

constexpr uint8_t kTunnelDf = 0x01;  // in the first byte of an IPREF packet
constexpr size_t kSingleSpace = kHeadroom + kPacketSpace;

/// Adds what the kernel left to be added. False if the header is not of a kind that is known.
bool complete_checksum(std::span<uint8_t> packet, const VnetHeader& offload) {
    const size_t start = offload.checksum_start;
    const size_t field = start + offload.checksum_offset;
    if (start >= packet.size() || field + 2 > packet.size()) return false;
    uint16_t sum = net::Checksum().add(packet.subspan(start)).field();
    if (sum == 0 && offload.checksum_offset == 6) sum = 0xffff;  // UDP
    std::memcpy(packet.data() + field, &sum, sizeof sum);
    return true;
}

}  // namespace

Outward::Outward(WorkerState& state)
    : state_(state),
      waiting_fragments_(state.counters.out),
      memory_(new uint8_t[kTunSpace]),
      single_(new uint8_t[kSingleSpace]) {
    for (const auto family : {net::Family::v4, net::Family::v6}) {
        auto& way = lane(family);
        way.udp = state.udp(family);
        way.datagrams.reserve(kMostWaiting);
        way.waiting.reserve(kMostWaiting);
    }
}

bool Outward::turn() {
    const std::span space(memory_.get(), kTunSpace);
    const size_t count = state_.tun.read(space, packets_);
    repeat_.forget();
    size_t bytes = 0;
    for (const auto& each : std::span(packets_).first(count)) {
        const size_t start = each.start - kHeadroom;
        take(Packet(space.subspan(start, kHeadroom + each.size), kHeadroom, each.size),
             each.offload);
        bytes += each.size;
    }
    state_.counters.tun_received_bytes.add(bytes);
    for (auto& way : lanes_) flush(way);
    return count == kBatch || bytes >= kBatchBytes;
}

void Outward::take(Packet packet, const VnetHeader& offload) {
    if (offload.gso != VnetHeader::Gso::none) return super(packet, offload);
    state_.counters.tun_received_packets.add();
    if (offload.partial_checksum && !complete_checksum(packet.bytes(), offload)) {
        return state_.drop(Direction::out, DropReason::tun_offload, {.packet = packet.bytes()});
    }
    plain(packet);
}

void Outward::plain(Packet packet) {
    const auto verdict = translate(packet.bytes());
    switch (verdict.action) {
        case Action::forward:
            return translated(packet);
        case Action::hold:
            return answer_held(packet.bytes());
        case Action::drop:
        case Action::answer:
            return refuse(verdict, packet.bytes(), 1);
    }
}

Verdict Outward::translate(Bytes packet) {
    if (repeat_.again_encap(packet, plan_)) return {};
    const auto& shared = state_.shared;
    const auto verdict =
        encap(packet, {shared.settings, shared.lookup, waiting_fragments_}, state_.now(), plan_);
    if (verdict.action == Action::forward) {
        repeat_.remember_encap(packet, plan_);
    } else {
        repeat_.forget();
    }
    return verdict;
}

void Outward::refuse(const Verdict& verdict, Bytes packet, size_t packets) {
    state_.drop(Direction::out, verdict.reason, {.packet = packet, .count = packets});
    if (verdict.action == Action::answer) answer(verdict.error, packet, 0);
}

std::optional<Outward::Way> Outward::way_of_plan(Bytes packet, size_t packets, size_t bytes) {
    const auto& peer = plan_.destination;
    auto& out = lane(peer.family());
    if (out.udp == nullptr) {
        state_.drop(Direction::out, DropReason::tunnel_send_failed,
                    {.packet = packet, .error = EAFNOSUPPORT, .count = packets});
        return std::nullopt;
    }
    const auto path =
        state_.shared.peers.sending(state_.peer_cache, peer, bytes, state_.seconds(), packets);
    const net::Endpoint to{peer, path.port != 0 ? path.port : state_.shared.remote_port};
    state_.trace("to", to, packet);
    return Way{out, to, state_.room_to(peer, path)};
}

void Outward::translated(Packet& packet) {
    const auto way = way_of_plan(packet.bytes(), 1, plan_.size());
    if (!way) return;
    if (plan_.learnt) {
        state_.shared.locals.learn_mtu_of_new(state_.local_cache, plan_.learnt->host,
                                              plan_.learnt->mtu, state_.seconds());
    }
    switch (fit(plan_, way->room)) {
        case Fit::whole:
            state_.tapped(TapPoint::tun, Direction::out, packet.bytes(), {}, nullptr);
            queue(*way, packet);
            break;
        case Fit::split:
            state_.tapped(TapPoint::tun, Direction::out, packet.bytes(), {}, nullptr);
            apply(plan_, packet);
            flush(way->lane);  // what came before goes before
            send_split(packet.bytes(), way->to, *way->lane.udp);
            break;
        case Fit::too_big:
            too_big(packet.bytes(), *way, 1);
            break;
    }
    if (plan_.released) released(*way);
}

/// What was held goes now: it is gone with the next packet.
void Outward::released(const Way& way) {
    std::vector<uint8_t> copy(plan_.released->bytes.begin(), plan_.released->bytes.end());
    flush(way.lane);
    if (copy.size() > way.room) return send_split(copy, way.to, *way.lane.udp);
    Datagram one{way.to, copy, {}};
    state_.send({&one, 1}, *way.lane.udp);
}

void Outward::too_big(Bytes packet, const Way& way, size_t packets) {
    state_.drop(Direction::out, DropReason::mtu_exceeded,
                {.packet = packet, .peer = &way.to, .count = packets});
    if (may_answer_local(packet)) answer(IcmpError::fragmentation_needed, packet, way.room);
}

/// All segments have one plan: that of the first, which is the largest.
void Outward::super(Packet packet, const VnetHeader& offload) {
    const auto cut = Segmenter::of(packet.bytes(), offload.segment_size);
    const size_t packets = cut ? cut->count() : 1;
    state_.counters.tun_received_packets.add(packets);
    state_.counters.tun_received_super.add();
    if (!cut) {
        // Of a kind that is refused anyway, or that the kernel does not make.
        const auto verdict = translate(packet.bytes());
        const bool refused = verdict.action == Action::drop || verdict.action == Action::answer;
        const auto reason = refused ? verdict.reason : DropReason::tun_offload;
        return state_.drop(Direction::out, reason, {.packet = packet.bytes()});
    }
    const auto whole = packet.bytes();
    const size_t headers = cut->headers().size();
    const size_t first_size = headers + cut->payload_size(0);
    cut->write_ip(0, whole.data());
    const auto first = whole.first(first_size);
    const auto verdict = translate(first);
    if (verdict.action != Action::forward) return refuse(verdict, first, packets);
    const size_t last_shorter = cut->payload_size(0) - cut->payload_size(packets - 1);
    const auto way = way_of_plan(first, packets, plan_.size() * packets - last_shorter);
    if (!way) return;
    switch (fit(plan_, way->room)) {
        case Fit::whole:
            state_.tapped(TapPoint::tun, Direction::out, first, {}, nullptr, packets);
            return segments(*cut, packet, *way);
        case Fit::split:
            return segments_singly(*cut, whole.subspan(headers));
        case Fit::too_big:
            return too_big(first, *way, packets);
    }
}

void Outward::segments(const Segmenter& cut, Packet& packet, const Way& way) {
    const auto payload = packet.bytes().subspan(cut.headers().size());
    const size_t layer4_size = cut.headers().layer4_size;
    auto& out = way.lane;
    for (size_t i = 0; i < cut.count(); i++) {
        if (out.datagrams.size() == kMostWaiting) flush(out);
        const auto bytes = payload.subspan(cut.payload_start(i), cut.payload_size(i));
        auto& head = out.heads[out.datagrams.size()];
        uint8_t* layer4 = head.data() + plan_.header_size;
        std::memcpy(head.data(), plan_.header_bytes.data(), plan_.header_size);
        cut.write_layer4(i, bytes, layer4);
        patch_checksum(plan_.patch, {layer4, layer4_size});
        out.datagrams.push_back({way.to, {head.data(), plan_.header_size + layer4_size}, bytes});
        auto& waiting = out.waiting.emplace_back();
        // One answer is enough, and the first segment is still there as it was.
        waiting.answerable = i == 0;
        if (i > 0) continue;
        const size_t size = cut.headers().size() + bytes.size();
        waiting.packet = Packet(packet.buffer().first(kHeadroom + size), kHeadroom, size);
    }
}

/// Each segment as if it had come alone.
void Outward::segments_singly(const Segmenter& cut, Bytes payload) {
    const auto headers = cut.headers();
    const std::span buffer(single_.get(), kSingleSpace);
    uint8_t* at = buffer.data() + kHeadroom;
    for (size_t i = 0; i < cut.count(); i++) {
        const auto bytes = payload.subspan(cut.payload_start(i), cut.payload_size(i));
        cut.write_ip(i, at);
        cut.write_layer4(i, bytes, at + headers.ip_size);
        std::memcpy(at + headers.size(), bytes.data(), bytes.size());
        plain(Packet(buffer, kHeadroom, headers.size() + bytes.size()));
        for (auto& out : lanes_) flush(out);
    }
}

void Outward::queue(const Way& way, Packet& packet) {
    auto& out = way.lane;
    if (out.datagrams.size() == kMostWaiting) flush(out);
    auto& waiting = out.waiting.emplace_back();
    if (plan_.message().empty() && plan_.skip <= waiting.old_header.size()) {
        std::memcpy(waiting.old_header.data(), packet.bytes().data(), plan_.skip);
        waiting.old_size = plan_.skip;
        waiting.answerable = true;
    }
    apply(plan_, packet);
    waiting.packet = packet;
    out.datagrams.push_back({way.to, packet.bytes(), {}});
}

void Outward::flush(Lane& out) {
    if (out.datagrams.empty()) return;
    state_.send(out.datagrams, *out.udp);
    for (size_t i = 0; i < out.datagrams.size(); i++) {
        if (out.datagrams[i].error != EMSGSIZE) continue;
        too_large_after_all(out.waiting[i], out.datagrams[i], *out.udp);
    }
    out.datagrams.clear();
    out.waiting.clear();
}

void Outward::send_split(std::span<uint8_t> packet, const net::Endpoint& to, UdpEdge& udp) {
    // A second round, with the room that is known then, if the network says it is less.
    for (int round = 0; round < 2; round++) {
        const auto path =
            state_.shared.peers.sending(state_.peer_cache, to.ip, 0, state_.seconds());
        auto splitter = Splitter::tunnel(packet, state_.room_to(to.ip, path), state_.random());
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
            state_.send({datagrams.data(), count}, udp);
            for (size_t i = 0; i < count; i++) too_large |= datagrams[i].error == EMSGSIZE;
        }
        if (splitter && !too_large) return;
    }
    state_.drop(Direction::out, DropReason::mtu_exceeded, {.peer = &to});
}

/// The kernel knew of a smaller path MTU than we did.
void Outward::too_large_after_all(Waiting& waiting, const Datagram& datagram, UdpEdge& udp) {
    const auto path =
        state_.shared.peers.sending(state_.peer_cache, datagram.to.ip, 0, state_.seconds());
    const size_t room = state_.room_to(datagram.to.ip, path);
    const bool may_split = (datagram.head[0] & kTunnelDf) == 0;
    const bool fits = datagram.size() <= room;
    if (fits) {
        Datagram one{datagram.to, datagram.head, datagram.rest};
        state_.send({&one, 1}, udp);
        if (one.error != EMSGSIZE) return;
        return state_.drop(Direction::out, DropReason::mtu_exceeded, {.peer = &datagram.to});
    }
    if (may_split) {
        // A copy in one piece: this is once in a path MTU's life.
        std::vector<uint8_t> copy(datagram.head.begin(), datagram.head.end());
        copy.insert(copy.end(), datagram.rest.begin(), datagram.rest.end());
        return send_split(copy, datagram.to, udp);
    }
    state_.drop(Direction::out, DropReason::mtu_exceeded, {.peer = &datagram.to});
    if (!waiting.answerable) return;
    auto& packet = waiting.packet;
    if (waiting.old_size != 0) {
        const auto header = wire::parse_tunnel_header(packet.bytes());
        if (!header) return;
        packet.resize_front(packet.size() - header->size + waiting.old_size);
        std::memcpy(packet.bytes().data(), waiting.old_header.data(), waiting.old_size);
    }
    if (may_answer_local(packet.bytes())) {
        answer(IcmpError::fragmentation_needed, packet.bytes(), room);
    }
}

/// A first fragment that waits goes out in pieces if it is too large. Its sender is told all the
/// same: the fragments that follow are as large, and about those it may not be told.
void Outward::answer_held(Bytes packet) {
    const auto path =
        state_.shared.peers.sending(state_.peer_cache, plan_.destination, 0, state_.seconds());
    const size_t room = state_.room_to(plan_.destination, path);
    if (fit(plan_, room) == Fit::too_big && may_answer_local(packet)) {
        answer(IcmpError::fragmentation_needed, packet, room);
    }
}

void Outward::answer(IcmpError error, Bytes original, size_t room) {
    if (!state_.icmp_limit.allow(source_of(original), state_.now())) {
        return state_.counters.out.count(DropReason::icmp_rate_limited);
    }
    std::array<uint8_t, kMaxIcmpError> space;
    const auto mtu = static_cast<uint16_t>(std::min<size_t>(room, UINT16_MAX));
    const auto packet = make_local_error(error, original, state_.shared.settings, mtu,
                                         static_cast<uint16_t>(state_.random()), space);
    if (packet.empty()) return;
    state_.counters.icmp_errors.add();
    state_.write_local(packet, {});
}

}  // namespace ipref::gw
