// SPDX-License-Identifier: GPL-2.0-or-later
// Tunnel packets from sources that do not exist, for a gateway in a network of one's own.
//
//   packet-load KIND TO REF SECONDS RATE SEED
//
// KIND: `new`: good UDP packets, each from a remote reference that was never seen before, so that
// each makes a mapping; `hostile`: truncated, corrupt, spoofed, tiny fragments, wrong checksums,
// segments of no connection, of all kinds in turn. TO is the gateway's IPv4 address, REF the
// reference of a host that it publishes. RATE: packets a second, 0: as fast as it goes. The same
// SEED sends the same packets. Prints one line of JSON. Needs root: the sources are forged.
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/net/checksum.h"
#include "common/wire/tunnel_packet.h"

namespace {

using namespace ipref;
using Clock = std::chrono::steady_clock;
using Packet = std::vector<uint8_t>;

constexpr size_t kBatch = 32;
constexpr size_t kOuter = sizeof(ip) + sizeof(udphdr);
constexpr uint32_t kSources = 1024;  // of 198.18.0.0/15
constexpr uint32_t kFirst = 0xc6120001;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kTcp = 6;

class Maker {
  public:
    Maker(net::Ip to, net::Ref ref, uint64_t seed) : to_(to), ref_(ref), random_(seed) {}

    Packet fresh() {
        const auto source = net::Ip::v4(kFirst + static_cast<uint32_t>(number_++ % kSources));
        return from(source,
                    {{source, {0, 0x200000000 + random_() % (uint64_t{1} << 60)}},
                     {to_, ref_},
                     64,
                     kUdp,
                     false,
                     std::nullopt},
                    segment(kUdp, 40));
    }

    Packet hostile() {
        const auto source = net::Ip::v4(kFirst + pick(kSources));
        wire::TunnelHeader header{
            {source, {0, 0x100 + pick(64)}}, {to_, ref_}, 64, kUdp, false, {}};
        switch (number_++ % 10) {
            case 0:  // cut anywhere in the headers
                return cut(from(source, header, segment(kUdp, 40)), pick(wire::kMinTunnelHeader));
            case 1:  // cut in the segment
                return cut(from(source, header, segment(kUdp, 40)),
                           wire::kMinTunnelHeader + pick(8));
            case 2:  // any byte is another
                return flipped(from(source, header, segment(kUdp, 40)), header.size());
            case 3:  // no such host
                header.destination.ref = {random_(), random_()};
                return from(source, header, segment(kUdp, 40));
            case 4:  // another context than the datagram's source, or none that can be
                header.source.ip = net::Ip::v4(pick(2) == 0 ? 0xe0000001 : kFirst + pick(kSources));
                return from(source, header, segment(kUdp, 40));
            case 5:  // a source that is nowhere
                header.source.ip = net::Ip::v4(0x7f000001);
                return from(net::Ip::v4(0xffffffff), header, segment(kUdp, 40));
            case 6:  // tiny fragments that overlap
                header.fragment =
                    wire::Fragment{static_cast<uint16_t>(8 * pick(4)), pick(2) == 0, pick(16)};
                return from(source, header, segment(kUdp, 8));
            case 7: {  // a checksum that is wrong
                auto made = from(source, header, segment(kTcp, 60));
                made.back() ^= 0x55;
                return made;
            }
            case 8:  // a segment of no connection, of any size, in any order
                header.protocol = kTcp;
                return from(source, header, segment(kTcp, 20 + pick(1300)));
            default:  // a protocol that is none
                header.protocol = static_cast<uint8_t>(200 + pick(50));
                return from(source, header, segment(kUdp, 40));
        }
    }

  private:
    uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

    Packet segment(uint8_t protocol, size_t size) {
        Packet out(size);
        for (auto& byte : out) byte = static_cast<uint8_t>(random_());
        if (protocol == kUdp && size >= 8) {
            out[2] = 0;  // to the discard port
            out[3] = 9;
            const auto length = htons(static_cast<uint16_t>(size));
            std::memcpy(&out[4], &length, 2);
            out[6] = out[7] = 0;  // no checksum
        }
        if (protocol == kTcp && size >= 20) out[12] = 0x50;
        return out;
    }

    // One raw packet: IPv4, UDP, IPREF header, segment. The kernel sets length and checksum.
    Packet from(const net::Ip& source, const wire::TunnelHeader& header, const Packet& segment) {
        std::array<uint8_t, wire::kMaxTunnelHeader> space{};
        const size_t size = wire::build_tunnel_header(header, space);
        Packet out(kOuter + size + segment.size());
        std::memcpy(&out[kOuter], space.data(), size);
        std::memcpy(&out[kOuter + size], segment.data(), segment.size());
        ip outer{};
        outer.ip_v = 4;
        outer.ip_hl = 5;
        outer.ip_ttl = 64;
        outer.ip_p = kUdp;
        std::memcpy(&outer.ip_src, source.data(), 4);
        std::memcpy(&outer.ip_dst, to_.data(), 4);
        std::memcpy(out.data(), &outer, sizeof outer);
        finish(out);
        return out;
    }

    static void finish(Packet& packet) {
        udphdr udp{};
        udp.uh_sport = udp.uh_dport = htons(wire::kTunnelPort);
        udp.uh_ulen = htons(static_cast<uint16_t>(packet.size() - sizeof(ip)));
        std::memcpy(&packet[sizeof(ip)], &udp, sizeof udp);
    }
    static Packet cut(Packet packet, size_t size) {
        packet.resize(std::min(packet.size(), kOuter + size));
        finish(packet);
        return packet;
    }
    Packet flipped(Packet packet, size_t header) {
        packet[kOuter + pick(static_cast<uint32_t>(header))] ^= static_cast<uint8_t>(1 + pick(255));
        return packet;
    }

    net::Ip to_;
    net::Ref ref_;
    std::mt19937_64 random_;
    uint64_t number_ = 0;
};

/// What the kernel took of the batch.
size_t send(int fd, std::span<Packet> packets, const sockaddr_in& to) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts{};
    for (size_t i = 0; i < packets.size(); i++) {
        parts[i] = {packets[i].data(), packets[i].size()};
        messages[i].msg_hdr.msg_name = const_cast<sockaddr_in*>(&to);
        messages[i].msg_hdr.msg_namelen = sizeof to;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(fd, messages.data(), static_cast<unsigned>(packets.size()), 0);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 6 || (words[0] != "new" && words[0] != "hostile")) {
        std::fprintf(stderr, "usage: packet-load new|hostile TO REF SECONDS RATE SEED\n");
        return 2;
    }
    const auto to = net::Ip::parse(words[1]);
    const auto ref = net::Ref::parse(words[2]);
    const int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (!to || !to->is_v4() || !ref || fd < 0) {
        std::fprintf(stderr, "needs an IPv4 address, a reference, and root\n");
        return 2;
    }
    sockaddr_in where{};
    where.sin_family = AF_INET;
    std::memcpy(&where.sin_addr, to->data(), 4);
    const double seconds = std::stod(words[3]);
    const double rate = std::stod(words[4]);
    Maker maker(*to, *ref, std::stoull(words[5]));
    uint64_t sent = 0;
    const auto start = Clock::now();
    const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    while (passed() < seconds) {
        const double due = rate == 0 ? kBatch : passed() * rate - static_cast<double>(sent);
        if (due < 1) {
            std::this_thread::sleep_for(std::chrono::microseconds(200));
            continue;
        }
        std::vector<Packet> batch(std::min(kBatch, static_cast<size_t>(due)));
        for (auto& packet : batch) packet = words[0] == "new" ? maker.fresh() : maker.hostile();
        for (size_t at = 0; at < batch.size();) {  // all of them, in this order
            const size_t took = send(fd, std::span(batch).subspan(at), where);
            if (took == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
            at += took;
            sent += took;
        }
    }
    std::printf("{\"sent\": %llu, \"seconds\": %.3f}\n", static_cast<unsigned long long>(sent),
                passed());
    return 0;
}
