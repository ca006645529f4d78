// SPDX-License-Identifier: GPL-2.0-or-later
// What must be true of coalescing and segmenting, whatever is put in: shared by the unit tests and
// the fuzzers. Each check tells in words what is wrong; nothing if all is well.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "gw/datapath/offload/coalescer.h"
#include "gw/datapath/offload/segmenter.h"
#include "unit/gw/datapath/offload/packets.h"

namespace ipref::test {

using Wrong = std::optional<std::string>;

/// A packet as it is given to the coalescer.
struct Input {
    ByteVector bytes;
    size_t head = 0;  // bytes that stand apart
};

inline Input input(const Shape& shape) {
    return {build(shape), shape.headers()};
}

/// Until the coalescer is full. The inputs must stay where they are.
inline std::span<const gw::Joined> coalesce(gw::Coalescer& coalescer, std::span<const Input> inputs,
                                            gw::CoalescerRules rules = {}) {
    coalescer.begin(rules);
    for (const auto& each : inputs) {
        std::copy_n(each.bytes.begin(), each.head, coalescer.head_space().begin());
        coalescer.add(each.head, std::span(each.bytes).subspan(each.head));
    }
    return coalescer.finish();
}

inline ByteVector bytes_of(const gw::Joined& joined) {
    ByteVector out;
    for (const auto& part : joined.parts()) append(out, part);
    return out;
}

/// All segments of `packet` by Segmenter.
inline std::vector<ByteVector> segments(const gw::Segmenter& cut, const ByteVector& packet) {
    std::vector<ByteVector> out;
    const auto payload = std::span(packet).subspan(cut.headers().size());
    for (size_t i = 0; i < cut.count(); i++) {
        const auto part = payload.subspan(cut.payload_start(i), cut.payload_size(i));
        ByteVector segment(cut.headers().size());
        cut.write_ip(i, segment.data());
        cut.write_layer4(i, part, segment.data() + cut.headers().ip_size);
        append(segment, part);
        out.push_back(std::move(segment));
    }
    return out;
}

/// Whether Segmenter refuses what it must, and does with the rest what the kernel does.
inline Wrong check_segmenter(const ByteVector& packet, size_t segment_size) {
    const size_t headers = plain_headers(packet);
    const size_t payload = packet.size() - headers;
    const bool good = headers != 0 && payload != 0 && segment_size != 0 &&
                      headers + std::min(payload, segment_size) <= 0xffff;
    const auto cut = gw::Segmenter::of(packet, segment_size);
    if (cut.has_value() != good) return good ? "refused" : "not refused";
    if (!good) return {};
    if (segments(*cut, packet) != model_segments(packet, segment_size)) return "other segments";
    return {};
}

/// What the kernel is told of a super-packet.
inline Wrong check_offload(const gw::Joined& joined, const ByteVector& packet) {
    const auto& offload = joined.offload();
    const size_t headers = plain_headers(packet);
    const bool v4 = packet[0] >> 4 == 4;
    const size_t ip_size = v4 ? 20 : 40;
    const bool tcp = packet[v4 ? 9 : 6] == kTcp;
    using Gso = gw::VnetHeader::Gso;
    if (headers == 0 || headers != joined.parts()[0].size())
        return "headers are not the first part";
    if (joined.size() != packet.size() || packet.size() > 0xffff) return "size";
    if (joined.segments() > gw::Joined::kMostSegments) return "too many segments";
    const size_t payload = packet.size() - headers;
    const size_t size = joined.segment_size();
    if ((payload + size - 1) / size != joined.segments()) return "number of segments";
    if (offload.segment_size != size || offload.header_size != headers)
        return "sizes for the kernel";
    if (!offload.partial_checksum) return "not a partial checksum";
    if (offload.gso != (!tcp ? Gso::udp : v4 ? Gso::tcp4 : Gso::tcp6)) return "kind";
    if (offload.checksum_start != ip_size) return "start of the checksum";
    if (offload.checksum_offset != (tcp ? 16 : 6)) return "offset of the checksum";
    const size_t covered = packet.size() - ip_size;
    const size_t field = get16(packet, ip_size + offload.checksum_offset);
    if (field != pseudo_sum(packet, tcp ? kTcp : kUdp, covered)) return "sum of the pseudo-header";
    if (get16(packet, v4 ? 2 : 4) != (v4 ? packet.size() : covered)) return "IP length";
    if (v4 && plain_sum(std::span(packet).first(20)) != 0xffff) return "IP checksum";
    if (!tcp && get16(packet, ip_size + 4) != covered) return "UDP length";
    return check_segmenter(packet, size);
}

/// Packets by flow, in order. What belongs to none starts a new epoch: nothing may pass it.
class Flows {
  public:
    struct Entry {
        ByteVector bytes;
        bool joined = false;  // came out of a super-packet
    };
    void add(ByteVector bytes, size_t head, bool joined) {
        ByteVector key;
        if (plain_headers(std::span(bytes).first(head)) != 0) {
            const bool v4 = bytes[0] >> 4 == 4;
            key.push_back(bytes[v4 ? 9 : 6]);
            append(key, std::span(bytes).subspan(v4 ? 12 : 8, v4 ? 12 : 36));
        } else {
            epoch_++;
        }
        flows_[{epoch_, key}].push_back({std::move(bytes), joined});
    }
    const auto& all() const { return flows_; }

  private:
    size_t epoch_ = 0;
    std::map<std::pair<size_t, ByteVector>, std::vector<Entry>> flows_;
};

/// Without what joining may change.
inline ByteVector without_id(ByteVector packet) {
    if (packet.size() < 20 || packet[0] != 0x45) return packet;
    set16(packet, 4, 0);
    set_ip_checksum(packet);
    return packet;
}

/// Whether what comes out, cut again, is what was put in: per flow the same packets in the same
/// order, those that were joined with nothing but the IPv4 identification changed.
inline Wrong check_coalescer(gw::Coalescer& coalescer, std::span<const Input> inputs,
                             gw::CoalescerRules rules = {}) {
    Flows in;
    Flows out;
    for (const auto& each : inputs) in.add(each.bytes, each.head, false);
    for (const auto& joined : coalesce(coalescer, inputs, rules)) {
        const auto packet = bytes_of(joined);
        const size_t head = joined.parts()[0].size();
        if (joined.segments() == 1) {
            if (joined.offload().bytes() != gw::VnetHeader{}.bytes()) return "alone, but not plain";
            out.add(packet, head, false);
            continue;
        }
        if (const auto wrong = check_offload(joined, packet)) return wrong;
        if (!(packet[packet[0] >> 4 == 4 ? 9 : 6] == kTcp ? rules.tcp : rules.udp)) {
            return "joined what was not to be";
        }
        for (auto& segment : segments(*gw::Segmenter::of(packet, joined.segment_size()), packet)) {
            out.add(std::move(segment), head, true);
        }
    }
    if (in.all().size() != out.all().size()) return "number of flows";
    for (const auto& [key, before] : in.all()) {
        const auto found = out.all().find(key);
        if (found == out.all().end()) return "a flow is missing";
        if (found->second.size() != before.size()) return "number of packets of a flow";
        for (size_t i = 0; i < before.size(); i++) {
            const auto& now = found->second[i];
            const bool same = now.joined ? without_id(now.bytes) == without_id(before[i].bytes)
                                         : now.bytes == before[i].bytes;
            if (!same) return "a packet changed, or changed its place";
        }
    }
    return {};
}

}  // namespace ipref::test
