// SPDX-License-Identifier: GPL-2.0-or-later
// Joins neighbouring packets of a flow into super-packets, which the kernel carries through its
// stack as one. The opposite of Segmenter: cutting what comes out gives, byte for byte, what was
// put in, in the order it had within each flow; only the IPv4 identification of packets with DF,
// which means nothing (RFC 6864), may differ.
//
// The rules are those of Linux's GRO and stricter. TCP joins if the flow's last packet was
//   IPv4 without options and with DF, or IPv6 without extension headers; nothing but sequence
//   number, length and PSH differs (so: same acknowledgement, window, options, TTL, traffic class);
//   flags are ACK, with or without PSH and ECE; the sequence follows; no PSH and no shorter payload
//   before; the new payload is not larger than the first.
// UDP joins likewise if it has a checksum. Both only if the checksums of both are right, and a TCP
// checksum of zero is not spelled 0xffff: the kernel computes them anew, and would make a corrupt
// packet good. At most kMostSegments, at most 65535 bytes. Everything else passes as it is and ends
// its flow's super-packet; what belongs to no flow, but might to any (a fragment), ends all.
//
// Nothing is kept beyond a batch: the batch that was read is the window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/wire/cursor.h"
#include "gw/datapath/offload/headers.h"
#include "gw/datapath/offload/vnet_header.h"

namespace ipref::gw {

/// What may be joined.
struct CoalescerRules {
    bool tcp = true;
    bool udp = true;
};

/// One packet, or several joined.
class Joined {
  public:
    static constexpr size_t kMostSegments = 64;
    /// Bytes of a packet that may stand apart from its payload.
    static constexpr size_t kHeadSpace = 160;

    /// Packets it stands for.
    size_t segments() const { return segments_; }
    /// Bytes of the packet, or super-packet.
    size_t size() const { return head_size_ + payload_; }
    const VnetHeader& offload() const { return offload_; }
    /// Header first. Valid until the coalescer's next begin().
    std::span<const Bytes> parts() const { return {parts_.data(), segments_ + 1}; }
    /// Payload bytes of each segment but the last. Only if segments() > 1.
    size_t segment_size() const { return segment_size_; }

  private:
    friend class Coalescer;
    std::array<uint8_t, kHeadSpace> head_;
    size_t head_size_ = 0;
    size_t payload_ = 0;
    size_t segment_size_ = 0;
    size_t segments_ = 1;
    uint32_t next_sequence_ = 0;
    bool open_ = false;      // more may join
    bool verified_ = false;  // its checksum was found right
    Headers headers_;
    VnetHeader offload_;
    std::array<Bytes, kMostSegments + 1> parts_;
};

/// One thread. Holds views of payloads: the packets stay where they are until the batch is done.
class Coalescer {
  public:
    /// Packets in a batch; add() flushes nothing by itself.
    static constexpr size_t kMostJoined = 64;

    Coalescer();

    /// Forgets the last batch.
    void begin(CoalescerRules rules);
    /// True if add() cannot be called before begin().
    bool full() const { return used_ == kMostJoined; }
    /// Where the next packet's head is to be written.
    std::span<uint8_t, Joined::kHeadSpace> head_space() { return items_[used_].head_; }
    /// Takes one packet: its first `head_size` bytes stand in head_space(), `rest` elsewhere. To be
    /// joined, the head must be just the IP and the layer-4 header; an IPv4 header's checksum is
    /// taken to be right.
    void add(size_t head_size, Bytes rest);
    /// Completes what was joined. In the order of each one's first packet.
    std::span<const Joined> finish();

  private:
    Joined* last_of(uint64_t flow, const Joined& item);
    bool join(Joined& to, const Joined& item, Bytes payload) const;

    CoalescerRules rules_;
    std::unique_ptr<Joined[]> items_;
    std::array<uint64_t, kMostJoined> flows_;  // hash of each item's flow; 0: none
    size_t used_ = 0;
    size_t barrier_ = 0;  // nothing joins items before this one
};

}  // namespace ipref::gw
