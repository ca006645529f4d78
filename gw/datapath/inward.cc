// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/inward.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gw/datapath/offload/segmenter.h"
#include "gw/datapath/translate/icmp_error.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/splitter.h"

namespace ipref::gw {

namespace {

// Not a power of two, or all packets would begin in the same few sets of the caches.
constexpr size_t kStride = kPacketSpace + 5 * size_t{64};
constexpr size_t kFewest = 4;
/// Bytes of a layer-4 header that are written anew, where they are not all of it.
constexpr size_t kUsualHeader = 20;

/// How much of the segment goes into the head: the layer-4 header, if it is TCP or UDP.
size_t layer4_header(uint8_t protocol, Bytes segment) {
    size_t size = kUsualHeader;
    if (protocol == kProtocolUdp) size = 8;
    if (protocol == kProtocolTcp && segment.size() > 12) {
        size = std::max(size, (segment[12] >> 4) * size_t{4});
    }
    return std::min(size, segment.size());
}

}  // namespace

Inward::Inward(WorkerState& state)
    : state_(state),
      waiting_fragments_(state.counters.in),
      memory_(new uint8_t[kBatch * kStride]),
      single_(new uint8_t[kHeadroom + kPacketSpace]) {
    for (size_t i = 0; i < kBatch; i++) {
        spaces_[i].space = {memory_.get() + i * kStride, kPacketSpace};
    }
}

bool Inward::turn(net::Family family) {
    auto* udp = state_.udp(family);
    if (udp == nullptr) return false;
    const size_t most = most_;
    const size_t count = udp->receive(std::span(spaces_).first(most));
    repeat_.forget();
    begin();
    size_t bytes = 0;
    for (const auto& each : std::span(spaces_).first(count)) {
        bundle(each.space.first(each.size), each.segment_size, each.from, *udp);
        bytes += each.size;
    }
    flush();
    adapt(count, bytes);
    return count == most;
}

/// So many reads that a batch has about kBatchBytes: what is read stays in the cache until it is
/// written.
void Inward::adapt(size_t count, size_t bytes) {
    if (bytes > 2 * kBatchBytes && most_ > kFewest) most_ /= 2;
    if (count == most_ && bytes < kBatchBytes / 2) most_ = std::min(2 * most_, kBatch);
}

void Inward::bundle(Bytes bytes, size_t segment_size, const net::Endpoint& from, UdpEdge& udp) {
    const size_t step = segment_size == 0 ? std::max<size_t>(bytes.size(), 1) : segment_size;
    Good good;
    size_t packets = 0;
    const size_t all = bytes.size();
    do {
        const auto packet = bytes.first(std::min(step, bytes.size()));
        bytes = bytes.subspan(packet.size());
        packets++;
        if (!take(packet, from, udp)) continue;
        good.packets++;
        good.bytes += packet.size();
    } while (!bytes.empty());
    state_.counters.udp_received_packets.add(packets);
    state_.counters.udp_received_bytes.add(all);
    if (good.packets == 0) return;
    if (state_.shared.peers.received(state_.peer_cache, from.ip, from.port, good.bytes,
                                     state_.seconds(), good.packets)) {
        run::log_debug(run::Topic::peers, "peer {} sends from port {} now", from.ip.str(),
                       from.port);
    }
}

bool Inward::take(Bytes packet, const net::Endpoint& from, UdpEdge& udp) {
    if (repeat_.again_decap(packet, from.ip, plan_)) {
        forward(packet, from);
        return true;
    }
    const auto& shared = state_.shared;
    const auto verdict = decap(
        packet, from.ip, {shared.settings, shared.lookup, waiting_fragments_}, state_.now(), plan_);
    repeat_.forget();
    switch (verdict.action) {
        case Action::forward:
            repeat_.remember_decap(packet, from.ip, plan_);
            forward(packet, from);
            return true;
        case Action::hold:
            return true;
        case Action::drop:
            state_.drop(Direction::in, verdict.reason, {.datagram = packet, .peer = &from});
            return false;
        case Action::answer:
            state_.drop(Direction::in, verdict.reason, {.datagram = packet, .peer = &from});
            answer(verdict.error, packet, from, udp);
            return false;
    }
    return false;
}

void Inward::forward(Bytes packet, const net::Endpoint& from) {
    state_.tapped(TapPoint::tunnel, Direction::in, packet, {}, &from);
    const auto segment = packet.subspan(plan_.skip);
    const auto& to = plan_.destination;
    const size_t mtu = mtu_to(to, plan_.df);
    if (!plan_.message().empty() || plan_.size() > mtu) {
        const std::span space(single_.get(), kHeadroom + kPacketSpace);
        const size_t copied = plan_.message().empty() ? segment.size() : 0;
        const auto whole = space.first(write_head(plan_, segment, copied, space));
        state_.trace("from", from, whole);
        flush();  // what came before goes before
        deliver(whole, mtu);
    } else {
        const size_t copied = layer4_header(packet[3], segment);
        const auto head = coalescer_.head_space();
        const size_t size = write_head(plan_, segment, copied, head);
        state_.trace("from", from, head.first(size));
        coalescer_.add(size, segment.subspan(copied));
        if (coalescer_.full()) flush();
    }
    if (!plan_.released) return;
    flush();
    std::vector<uint8_t> copy(plan_.released->bytes.begin(), plan_.released->bytes.end());
    deliver(copy, mtu_to(to, plan_.released->df));
}

/// What a local host told of its path; what fits into anything if it told nothing.
size_t Inward::mtu_to(const net::Ip& to, bool df) {
    if (to.is_v4() || df) return SIZE_MAX;
    const uint32_t mtu = state_.shared.locals.mtu(state_.local_cache, to, state_.seconds());
    return mtu == 0 ? SIZE_MAX : mtu;
}

void Inward::deliver(std::span<uint8_t> packet, size_t mtu) {
    if (packet.size() <= mtu) return state_.write_local(packet, {});
    auto splitter = Splitter::ipv6(packet, mtu, state_.random());
    Piece piece;
    while (splitter && splitter->next(piece)) state_.write_local(piece.header(), piece.payload);
}

void Inward::begin() {
    const auto& offloads = state_.shared.offloads;
    coalescer_.begin({offloads.on(Offload::tun_gro_tcp), offloads.on(Offload::tun_gro_udp)});
}

void Inward::flush() {
    for (const auto& each : coalescer_.finish()) {
        const int error = state_.tun.write(each.offload(), each.parts());
        if (error != 0) {
            give_up(each, error);
            continue;
        }
        state_.counters.tun_sent_packets.add(each.segments());
        state_.counters.tun_sent_bytes.add(each.size());
        if (each.segments() > 1) state_.counters.tun_sent_super.add();
        const auto parts = each.parts();
        state_.tapped(TapPoint::tun, Direction::in, parts[0], parts.size() > 1 ? parts[1] : Bytes{},
                      nullptr, each.segments());
    }
    begin();
}

void Inward::give_up(const Joined& joined, int error) {
    if (joined.segments() > 1 && error == EINVAL) {
        const bool udp = joined.offload().gso == VnetHeader::Gso::udp;
        state_.shared.offloads.broken(udp ? Offload::tun_gro_udp : Offload::tun_gro_tcp,
                                      "the TUN driver refuses a super-packet that is in order "
                                      "(EINVAL), as some kernels do");
        return write_singly(joined);
    }
    state_.drop(Direction::in, DropReason::tun_write_failed,
                {.packet = joined.parts()[0], .error = error, .count = joined.segments()});
}

/// Cuts it up again.
void Inward::write_singly(const Joined& joined) {
    const auto parts = joined.parts();
    const size_t payload = joined.size() - parts[0].size();
    const auto cut = Segmenter::make(parts[0], payload, joined.segment_size());
    for (size_t i = 0; cut && i < cut->count(); i++) {
        std::array<uint8_t, kMaxHeaders> head;
        cut->write_ip(i, head.data());
        cut->write_layer4(i, parts[i + 1], head.data() + cut->headers().ip_size);
        state_.write_local(Bytes(head).first(cut->headers().size()), parts[i + 1]);
    }
}

void Inward::answer(IcmpError error, Bytes original, const net::Endpoint& from, UdpEdge& udp) {
    if (!state_.icmp_limit.allow(from.ip, state_.now())) {
        return state_.counters.in.count(DropReason::icmp_rate_limited);
    }
    std::array<uint8_t, kMaxIcmpError> space;
    const auto packet =
        make_tunnel_error(error, original, from.ip, state_.shared.settings, 0, space);
    if (!packet) return;
    state_.counters.icmp_errors.add();
    // To where it came from, without a place among the peers: it has not proved good.
    Datagram one{{packet->peer, from.port}, packet->bytes, {}};
    state_.send({&one, 1}, udp);
    if (one.error == EMSGSIZE) {
        state_.drop(Direction::out, DropReason::mtu_exceeded, {.peer = &from});
    }
}

}  // namespace ipref::gw
