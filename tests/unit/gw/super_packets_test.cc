// SPDX-License-Identifier: GPL-2.0-or-later
// Super-packets through a worker: what comes out is, byte for byte, what comes out when the same
// packets go one by one.
#include <cerrno>
#include <fstream>

#include "gw/datapath/offload/segmenter.h"
#include "gw/datapath/worker.h"
#include "unit/catch.h"
#include "unit/gw/memory_edges.h"
#include "vectors/recorded_gateway.h"

// Not all of ipref: it has a namespace `test` as well.
using namespace ipref::gw;
namespace net = ipref::net;
namespace run = ipref::run;
namespace wire = ipref::wire;
namespace record = ipref::test;
using test::Buffer;
using test::MemoryTun;
using test::MemoryUdp;

namespace {

struct Bench {
    explicit Bench(const Settings& s, Lookup& l, uint32_t disabled = 0)
        : offloads(disabled), set(s), shared{set,  l,    peers, locals, offloads,
                                             1045, 1500, 1500,  false} {
        run::configure_log({});
    }
    void turn() { worker.turn({true, true, true, true}, Time(std::chrono::seconds(1000))); }
    uint64_t dropped(DropReason reason) const {
        return worker.counters().out.get(reason) + worker.counters().in.get(reason);
    }
    std::vector<Buffer> sent() {
        std::vector<Buffer> out;
        for (auto* udp : {&udp4, &udp6}) {
            for (const auto& each : udp->sent) out.push_back(each.bytes);
        }
        return out;
    }

    Offloads offloads;
    Settings set;
    Peers peers{8};
    Peers locals{8};
    WorkerShared shared;
    MemoryTun tun;
    MemoryUdp udp4;
    MemoryUdp udp6;
    Worker worker{shared, tun, &udp4, &udp6};
};

/// All recorded gateways with the recorded packets of one kind.
struct Recorded {
    struct Packet {
        std::string config;
        std::string name;
        Buffer in;
    };
    std::map<std::string, std::unique_ptr<record::RecordedGateway>> gateways;
    std::vector<Packet> packets;
};

Recorded recorded(const std::string& op) {
    Recorded out;
    std::ifstream file(IPREF_SOURCE_DIR "/tests/vectors/packets.jsonl");
    std::string text;
    while (std::getline(file, text)) {
        const auto line = record::Json::parse(text);
        if (line.at("type") == "config") {
            out.gateways[line.at("id").get<std::string>()] = record::recorded_gateway(line);
        }
        if (line.at("type") != "packet" || line.at("op") != op) continue;
        for (const auto& in : line.at("in")) {
            out.packets.push_back({line.at("config"), line.at("name"), record::from_hex(in)});
        }
    }
    return out;
}

/// The packets that a super-packet stands for; the packet itself if it is none. IPv4 packets with
/// DF without their identification, which means nothing.
std::vector<Buffer> cut_up(const Buffer& packet, const VnetHeader& offload) {
    std::vector<Buffer> out;
    const auto cut = offload.gso == VnetHeader::Gso::none
                         ? std::nullopt
                         : Segmenter::of(packet, offload.segment_size);
    if (!cut) out.push_back(packet);
    for (size_t i = 0; cut && i < cut->count(); i++) {
        const auto& headers = cut->headers();
        const auto payload =
            Bytes(packet).subspan(headers.size() + cut->payload_start(i), cut->payload_size(i));
        auto& one = out.emplace_back(headers.size());
        cut->write_ip(i, one.data());
        cut->write_layer4(i, payload, one.data() + headers.ip_size);
        one.insert(one.end(), payload.begin(), payload.end());
    }
    for (auto& each : out) {
        const bool df = each.size() >= 20 && each[0] == 0x45 && (each[6] & 0x40) != 0;
        if (df) each[4] = each[5] = each[10] = each[11] = 0;
    }
    return out;
}

std::vector<Buffer> written(const MemoryTun& tun) {
    std::vector<Buffer> out;
    for (size_t i = 0; i < tun.written.size(); i++) {
        for (auto& each : cut_up(tun.written[i], tun.offloads[i])) out.push_back(std::move(each));
    }
    return out;
}

net::Ip source_context(const Buffer& packet) {
    const auto parsed = wire::parse_tunnel_header(packet);
    return parsed ? parsed->header.source.ip : test::ip("192.0.2.1");
}

}  // namespace

TEST_CASE("recorded packets out of the tunnel, joined and cut, are as without", "[worker]") {
    auto all = recorded("deencap");
    size_t supers = 0;
    for (const auto& packet : all.packets) {
        if (packet.in.empty()) continue;  // three of them are as many as one
        auto& gateway = *all.gateways.at(packet.config);
        Bench joining(gateway.settings, gateway.lookup);
        Bench plain(gateway.settings, gateway.lookup, *parse_offloads("all"));
        const net::Endpoint from{source_context(packet.in), 1045};
        // Three of them in one read; and one by one.
        Buffer three;
        for (int i = 0; i < 3; i++) three.insert(three.end(), packet.in.begin(), packet.in.end());
        auto& udp = from.ip.is_v4() ? joining.udp4 : joining.udp6;
        udp.waiting.push_back({from, three, packet.in.size()});
        joining.turn();
        for (int i = 0; i < 3; i++) {
            (from.ip.is_v4() ? plain.udp4 : plain.udp6).waiting.push_back({from, packet.in, 0});
        }
        plain.turn();
        INFO(packet.config << " " << packet.name);
        CHECK(written(joining.tun) == written(plain.tun));
        CHECK(joining.worker.counters().tun_sent_packets.value() ==
              plain.worker.counters().tun_sent_packets.value());
        for (const auto& info : drop_reasons()) {
            CHECK(joining.dropped(info.reason) == plain.dropped(info.reason));
        }
        for (const auto& each : joining.tun.offloads) {
            supers += each.gso != VnetHeader::Gso::none ? 1 : 0;
        }
    }
    CHECK(supers > 20);
}

TEST_CASE("recorded packets into the tunnel as super-packets are as their segments", "[worker]") {
    auto all = recorded("encap");
    size_t supers = 0;
    for (const auto& packet : all.packets) {
        const auto headers = find_headers(packet.in);
        if (!headers || packet.in.size() < headers->size() + 2) continue;
        if (headers->v4 && is_fragment4(packet.in)) continue;
        auto& gateway = *all.gateways.at(packet.config);
        const size_t payload = packet.in.size() - headers->size();
        for (const size_t size : {size_t{1}, payload / 2, payload - 1, payload}) {
            using Gso = VnetHeader::Gso;
            VnetHeader offload;
            offload.partial_checksum = true;
            offload.gso = headers->protocol == kProtocolUdp ? Gso::udp
                          : headers->v4                     ? Gso::tcp4
                                                            : Gso::tcp6;
            offload.segment_size = static_cast<uint16_t>(size);
            Bench super(gateway.settings, gateway.lookup);
            super.tun.waiting.emplace_back(packet.in, offload);
            super.turn();
            Bench plain(gateway.settings, gateway.lookup, *parse_offloads("all"));
            const auto segments = cut_up(packet.in, offload);
            for (const auto& each : segments) plain.tun.waiting.emplace_back(each);
            while (!plain.tun.waiting.empty()) plain.turn();
            INFO(packet.config << " " << packet.name << " by " << size);
            CHECK(super.sent() == plain.sent());
            CHECK(super.worker.counters().tun_received_packets.value() == segments.size());
            for (const auto& info : drop_reasons()) {
                if (info.reason == DropReason::icmp_rate_limited) continue;
                CHECK(super.dropped(info.reason) == plain.dropped(info.reason));
            }
            supers++;
        }
    }
    CHECK(supers > 100);
}

namespace {

constexpr std::string_view kHost = "10.1.0.11";
constexpr std::string_view kRemote = "10.240.8.21";

Settings settings() {
    Settings out;
    out.ea4 = encode_net(*net::Cidr::parse("10.240.0.0/12"));
    out.pub4 = test::ip("203.0.113.1");
    return out;
}

struct Pair {
    record::StaticLookup lookup;
    net::IpRef ours{test::ip("203.0.113.1"), {0, 22}};
    net::IpRef theirs{test::ip("203.0.113.2"), {0, 33}};
    Pair() {
        lookup.add_ours(test::ip(kHost), ours);
        lookup.add_theirs(test::ip(kRemote), theirs);
    }
};

/// A TCP packet, complete, of `payload` bytes that start at `sequence` of a stream.
Buffer tcp_packet(const net::Ip& from, const net::Ip& to, uint32_t sequence, size_t payload,
                  bool df = true) {
    Buffer out(40 + payload);
    out[0] = 0x45;
    out[6] = df ? 0x40 : 0;
    out[8] = 64;
    out[9] = 6;
    std::copy(from.bytes().begin(), from.bytes().end(), out.begin() + 12);
    std::copy(to.bytes().begin(), to.bytes().end(), out.begin() + 16);
    store16(&out[20], 5000);
    store16(&out[22], 6000);
    store32(&out[24], sequence);
    out[32] = 0x50;
    out[33] = kTcpAck;
    store16(&out[34], 500);
    for (size_t i = 0; i < payload; i++) {
        out[40 + i] = static_cast<uint8_t>((sequence + i) * 7 >> 2);
    }
    const auto headers = *find_headers(out);
    set_ip_length(headers, out.data(), out.size());
    const uint16_t sum =
        headers.pseudo(out.data(), 20 + payload).add(Bytes(out).subspan(20)).field();
    std::memcpy(&out[36], &sum, 2);
    return out;
}

VnetHeader tcp_offload(size_t segment_size) {
    VnetHeader out;
    out.partial_checksum = true;
    out.gso = VnetHeader::Gso::tcp4;
    out.segment_size = static_cast<uint16_t>(segment_size);
    return out;
}

Buffer super_packet(size_t payload, bool df) {
    return tcp_packet(test::ip(kHost), test::ip(kRemote), 1000, payload, df);
}

/// What the other gateway makes of its host's TCP packets to ours.
Buffer from_tunnel(const Pair& pair, uint32_t sequence, size_t payload) {
    auto packet = tcp_packet(test::ip("192.0.2.1"), test::ip("192.0.2.2"), sequence, payload);
    wire::TunnelHeader header{pair.theirs, pair.ours, 64, 6, true, std::nullopt};
    Buffer out(header.size());
    wire::build_tunnel_header(header, out);
    auto change = net::Checksum().add(test::ip("192.0.2.1")).add(test::ip("192.0.2.2"));
    uint16_t field;
    std::memcpy(&field, &packet[36], 2);
    field = net::changed_checksum(field, change, {});
    std::memcpy(&packet[36], &field, 2);
    out.insert(out.end(), packet.begin() + 20, packet.end());
    return out;
}

}  // namespace

TEST_CASE("a super-packet too large for the path: one answer, all segments counted", "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    bench.tun.waiting.emplace_back(super_packet(14800, true), tcp_offload(1480));
    bench.turn();
    CHECK(bench.udp4.sent.empty());
    CHECK(bench.dropped(DropReason::mtu_exceeded) == 10);
    REQUIRE(bench.tun.written.size() == 1);
    CHECK(bench.tun.written[0][20] == 3);
    CHECK(bench.tun.written[0][21] == 4);
    // It quotes a packet of the size that was too large.
    CHECK(load16(&bench.tun.written[0][28 + 2]) == 1520);
}

TEST_CASE("a super-packet without DF is split segment by segment", "[worker]") {
    Pair pair;
    Bench super(settings(), pair.lookup);
    const auto packet = super_packet(14000, false);
    super.tun.waiting.emplace_back(packet, tcp_offload(1480));
    super.turn();
    CHECK(super.udp4.sent.size() == 20 - 1);  // the last one fits
    size_t payload = 0;
    for (const auto& each : super.udp4.sent) {
        const auto header = wire::parse_tunnel_header(each.bytes);
        REQUIRE(header);
        CHECK(each.bytes.size() <= 1472);
        payload += each.bytes.size() - header->size;
    }
    CHECK(payload == 14000 + 10 * 20);
}

TEST_CASE("EMSGSIZE for a super-packet's segments: one answer to its sender", "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    bench.udp4.limit = 1000;
    const auto packet = super_packet(7000, true);
    bench.tun.waiting.emplace_back(packet, tcp_offload(1400));
    bench.tun.waiting.emplace_back(super_packet(500, true));
    bench.turn();
    CHECK(bench.udp4.sent.size() == 1);
    CHECK(bench.dropped(DropReason::mtu_exceeded) == 5);
    REQUIRE(bench.tun.written.size() == 1);
    const auto& answer = bench.tun.written[0];
    CHECK(load16(&answer[26]) <= 1000);
    CHECK(load16(&answer[28 + 2]) == 1440);
    CHECK(std::equal(answer.begin() + 28 + 12, answer.begin() + 28 + 28, packet.begin() + 12));
}

TEST_CASE("a checksum that the kernel left to do is completed", "[worker]") {
    Pair pair;
    Bench left(settings(), pair.lookup);
    Bench done(settings(), pair.lookup);
    const auto complete = super_packet(777, true);
    auto partial = complete;
    const auto headers = *find_headers(partial);
    const uint16_t pseudo = headers.pseudo(partial.data(), 797).sum();
    std::memcpy(&partial[36], &pseudo, 2);
    VnetHeader offload;
    offload.partial_checksum = true;
    offload.checksum_start = 20;
    offload.checksum_offset = 16;
    left.tun.waiting.emplace_back(partial, offload);
    left.turn();
    done.tun.waiting.emplace_back(complete);
    done.turn();
    REQUIRE(left.sent().size() == 1);
    CHECK(left.sent() == done.sent());
    for (const uint16_t start : {uint16_t{790}, uint16_t{816}, uint16_t{817}, uint16_t{65535}}) {
        offload.checksum_start = start;
        left.tun.waiting.emplace_back(partial, offload);
    }
    left.turn();
    CHECK(left.sent().size() == 2);  // 790 + 16 is within the packet
    CHECK(left.dropped(DropReason::tun_offload) == 3);
}

TEST_CASE("super-packets of no known kind are dropped under a reason", "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    auto icmp = super_packet(100, true);
    icmp[9] = 1;
    icmp[20] = 8;
    icmp[21] = 0;
    bench.tun.waiting.emplace_back(icmp, tcp_offload(10));
    bench.tun.waiting.emplace_back(super_packet(100, true), tcp_offload(0));
    auto options = super_packet(100, true);
    options[0] = 0x46;
    bench.tun.waiting.emplace_back(options, tcp_offload(10));
    bench.tun.waiting.emplace_back(Buffer{0x45}, tcp_offload(10));
    bench.turn();
    CHECK(bench.udp4.sent.empty());
    CHECK(bench.dropped(DropReason::tun_offload) == 2);
    CHECK(bench.dropped(DropReason::ip_options) == 1);
    CHECK(bench.dropped(DropReason::ip_truncated) == 1);
}

TEST_CASE("segments in sequence are one write; refused with EINVAL, they go one by one",
          "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    const auto bundle = [&] {
        Buffer out;
        for (uint32_t i = 0; i < 10; i++) {
            const auto one = from_tunnel(pair, 1000 + i * 1400, 1400);
            out.insert(out.end(), one.begin(), one.end());
        }
        return MemoryUdp::Sent{{pair.theirs.ip, 1045}, out, out.size() / 10};
    };
    bench.udp4.waiting.push_back(bundle());
    bench.turn();
    REQUIRE(bench.tun.written.size() == 1);
    CHECK(bench.tun.offloads[0].gso == VnetHeader::Gso::tcp4);
    CHECK(bench.tun.offloads[0].segment_size == 1400);
    CHECK(bench.tun.written[0].size() == 14040);
    CHECK(bench.worker.counters().tun_sent_packets.value() == 10);
    CHECK(bench.worker.counters().tun_sent_super.value() == 1);
    CHECK(bench.peers.rows(1001).at(0).received_packets == 10);
    const auto joined = written(bench.tun);

    bench.tun.written.clear();
    bench.tun.offloads.clear();
    bench.tun.super_error = EINVAL;
    bench.udp4.waiting.push_back(bundle());
    bench.turn();
    CHECK(bench.tun.written.size() == 10);
    CHECK(written(bench.tun) == joined);
    CHECK_FALSE(bench.offloads.on(Offload::tun_gro_tcp));
    CHECK(bench.offloads.on(Offload::tun_gro_udp));
    bench.udp4.waiting.push_back(bundle());
    bench.turn();
    CHECK(bench.tun.written.size() == 20);
    CHECK(bench.dropped(DropReason::tun_write_failed) == 0);

    bench.offloads.~Offloads();
    new (&bench.offloads) Offloads();
    bench.tun.super_error = ENOBUFS;
    bench.udp4.waiting.push_back(bundle());
    bench.turn();
    CHECK(bench.dropped(DropReason::tun_write_failed) == 10);
    CHECK(bench.offloads.on(Offload::tun_gro_tcp));
}

TEST_CASE("a corrupt segment is delivered corrupt, and alone", "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    Buffer bundle;
    for (uint32_t i = 0; i < 9; i++) {
        auto one = from_tunnel(pair, 1000 + i * 100, 100);
        if (i == 4) one.back() ^= 0x55;
        bundle.insert(bundle.end(), one.begin(), one.end());
    }
    bench.udp4.waiting.push_back({{pair.theirs.ip, 1045}, bundle, bundle.size() / 9});
    bench.turn();
    REQUIRE(bench.tun.written.size() == 3);
    CHECK(bench.tun.written[0].size() == 440);
    CHECK(bench.tun.written[1].size() == 140);
    CHECK(bench.tun.written[2].size() == 440);
    CHECK(bench.tun.offloads[1].gso == VnetHeader::Gso::none);
    const auto& corrupt = bench.tun.written[1];
    const auto headers = *find_headers(corrupt);
    CHECK(headers.pseudo(corrupt.data(), 120).add(Bytes(corrupt).subspan(20)).sum() != 0xffff);
}

TEST_CASE("flows that take turns are joined each by itself", "[worker]") {
    Pair pair;
    Bench bench(settings(), pair.lookup);
    Buffer bundle;
    for (uint32_t i = 0; i < 20; i++) {
        auto one = from_tunnel(pair, 1000 + i / 2 * 100, 100);
        const size_t header = one.size() - 120;
        if (i % 2 == 1) {
            // Another source port, and what that changes of the checksum.
            uint16_t field;
            std::memcpy(&field, &one[header + 16], 2);
            net::Checksum before;
            before.add(Bytes(one).subspan(header, 2));
            store16(&one[header], 5001);
            net::Checksum after;
            after.add(Bytes(one).subspan(header, 2));
            field = net::changed_checksum(field, before, after);
            std::memcpy(&one[header + 16], &field, 2);
        }
        bundle.insert(bundle.end(), one.begin(), one.end());
    }
    bench.udp4.waiting.push_back({{pair.theirs.ip, 1045}, bundle, bundle.size() / 20});
    bench.turn();
    REQUIRE(bench.tun.written.size() == 2);
    for (const auto& each : bench.tun.written) CHECK(each.size() == 1040);
}
