// SPDX-License-Identifier: GPL-2.0-or-later
// The data path's edges in memory, and packets to send through them.
#pragma once

#include <algorithm>
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

inline Buffer joined(Bytes head, Bytes rest) {
    Buffer out(head.begin(), head.end());
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
}

class MemoryTun final : public TunEdge {
  public:
    int fd() const override { return -1; }
    size_t read(std::span<TunSpace> into) override {
        size_t count = 0;
        while (count < into.size() && !waiting.empty()) {
            into[count].size = waiting.front().size();
            std::copy(waiting.front().begin(), waiting.front().end(), into[count].space.begin());
            waiting.pop_front();
            count++;
        }
        return count;
    }
    int write(Bytes head, Bytes rest) override {
        if (error == 0) written.push_back(joined(head, rest));
        return error;
    }

    std::deque<Buffer> waiting;
    std::vector<Buffer> written;
    int error = 0;
};

/// Datagrams larger than `limit`, unless that is 0, fail with EMSGSIZE, and the path MTU is
/// reported as the kernel does.
class MemoryUdp final : public UdpEdge {
  public:
    struct Sent {
        net::Endpoint to;
        Buffer bytes;
    };

    int fd() const override { return -1; }
    size_t receive(std::span<DatagramSpace> into) override {
        size_t count = 0;
        while (count < into.size() && !waiting.empty()) {
            auto& [from, bytes] = waiting.front();
            into[count].size = bytes.size();
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
            auto bytes = joined(each.head, each.rest);
            if (limit != 0 && bytes.size() > limit) {
                each.error = EMSGSIZE;
                reports.push_back({each.to.ip, static_cast<uint32_t>(limit + 28)});
            }
            if (each.error == 0) sent.push_back({each.to, std::move(bytes)});
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
