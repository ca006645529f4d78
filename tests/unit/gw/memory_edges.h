// SPDX-License-Identifier: GPL-2.0-or-later
// The data path's edges in memory, and packets to send through them.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string_view>
#include <vector>

#include "common/net/checksum.h"
#include "common/wire/tunnel_packet.h"
#include "gw/datapath/edges.h"

namespace ipref::gw::test {

using Buffer = std::vector<uint8_t>;

inline Buffer joined(std::span<const Bytes> parts) {
    Buffer out;
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

class MemoryTun final : public TunEdge {
  public:
    struct Waiting {
        Waiting(Buffer packet, VnetHeader header = {})
            : bytes(std::move(packet)), offload(header) {}
        Buffer bytes;
        VnetHeader offload;
    };

    int fd() const override { return -1; }
    size_t read(std::span<uint8_t> space, std::span<TunPacket> into) override {
        size_t count = 0;
        size_t used = 0;
        while (count < into.size() && !waiting.empty() && used < kBatchBytes) {
            const auto& [bytes, offload] = waiting.front();
            into[count] = {used + kHeadroom, bytes.size(), offload};
            std::copy(bytes.begin(), bytes.end(), space.subspan(used + kHeadroom).begin());
            used += kHeadroom + bytes.size();
            waiting.pop_front();
            count++;
        }
        return count;
    }
    int write(const VnetHeader& offload, std::span<const Bytes> parts) override {
        const int failed = offload.gso != VnetHeader::Gso::none ? super_error : error;
        if (failed != 0) return failed;
        written.push_back(joined(parts));
        offloads.push_back(offload);
        return 0;
    }

    std::deque<Waiting> waiting;
    std::vector<Buffer> written;
    std::vector<VnetHeader> offloads;  ///< of each that was written
    int error = 0;
    int super_error = 0;  ///< of super-packets
};

/// Datagrams larger than `limit`, unless that is 0, fail with EMSGSIZE, and the path MTU is
/// reported as the kernel does.
class MemoryUdp final : public UdpEdge {
  public:
    struct Sent {
        net::Endpoint to;
        Buffer bytes;
        size_t segment_size = 0;  ///< if it is several, as UDP_GRO gives them
    };

    int fd() const override { return -1; }
    size_t receive(std::span<DatagramSpace> into) override {
        size_t count = 0;
        while (count < into.size() && !waiting.empty()) {
            auto& [from, bytes, segment_size] = waiting.front();
            into[count].size = bytes.size();
            into[count].segment_size = segment_size;
            into[count].from = from;
            std::copy(bytes.begin(), bytes.end(), into[count].space.begin());
            waiting.pop_front();
            count++;
        }
        return count;
    }
    void send(std::span<Datagram> datagrams) override {
        sends++;
        for (auto& each : datagrams) {
            each.error = error;
            const std::array<Bytes, 2> parts{each.head, each.rest};
            auto bytes = joined(parts);
            if (limit != 0 && bytes.size() > limit) {
                each.error = EMSGSIZE;
                reports.push_back({each.to.ip, static_cast<uint32_t>(limit + 28)});
            }
            if (each.error == 0) sent.push_back({each.to, std::move(bytes), 0});
        }
    }
    size_t path_mtus(std::span<PathMtu> into) override {
        size_t count = 0;
        while (count < into.size() && !reports.empty()) {
            into[count++] = reports.front();
            reports.pop_front();
        }
        return count;
    }

    std::deque<Sent> waiting;
    std::vector<Sent> sent;
    std::deque<PathMtu> reports;
    size_t limit = 0;
    int error = 0;
    int sends = 0;
};

inline net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

/// An IPv4 UDP packet without checksum, `size` bytes in all.
inline Buffer local_packet(const net::Ip& from, const net::Ip& to, size_t size, bool df) {
    Buffer out(size, 0x55);
    const auto put = [&](size_t at, size_t value) {
        out[at] = static_cast<uint8_t>(value >> 8);
        out[at + 1] = static_cast<uint8_t>(value);
    };
    std::fill(out.begin(), out.begin() + 28, uint8_t(0));
    out[0] = 0x45;
    put(2, size);
    out[6] = df ? 0x40 : 0;
    out[8] = 64;
    out[9] = 17;
    std::copy(from.bytes().begin(), from.bytes().end(), out.begin() + 12);
    std::copy(to.bytes().begin(), to.bytes().end(), out.begin() + 16);
    const uint16_t sum = net::Checksum().add(Bytes(out).first(20)).field();
    std::memcpy(out.data() + 10, &sum, 2);
    put(20, 5000);
    put(22, 6000);
    put(24, size - 20);
    return out;
}

/// A UDP packet of 16 bytes, without checksum, as another gateway sends it.
inline Buffer tunnel_packet(const net::IpRef& from, const net::IpRef& to) {
    wire::TunnelHeader header;
    header.source = from;
    header.destination = to;
    header.ttl = 60;
    header.protocol = 17;
    Buffer out(header.size() + 16, 0);
    wire::build_tunnel_header(header, out);
    auto* udp = out.data() + header.size();
    udp[1] = 7;
    udp[3] = 9;
    udp[5] = 16;
    return out;
}

}  // namespace ipref::gw::test
