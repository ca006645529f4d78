// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/worker.h"

#include <cerrno>

#include "unit/catch.h"
#include "unit/gw/memory_edges.h"

using namespace ipref;
using namespace ipref::gw;
using test::Buffer;
using test::ip;
using test::MemoryTun;
using test::MemoryUdp;

namespace {

const net::Endpoint kPeer{ip("198.51.100.9"), 1045};
const net::Ip kHost = ip("10.1.0.11");
const net::Ip kRemote = ip("10.240.8.22");
const net::Ip kOurGw = ip("203.0.113.1");

/// One remote host, one local host.
class OnePair final : public Lookup {
  public:
    std::optional<net::IpRef> theirs(const net::Ip& ea) override {
        if (ea != kRemote && (!also || ea != also->first)) return std::nullopt;
        return net::IpRef{kPeer.ip, {0, 22}};
    }
    std::optional<net::IpRef> ours(const net::Ip& host, net::Family) override {
        if (host != kHost && (!also || host != also->second)) return std::nullopt;
        return net::IpRef{kOurGw, {0, 11}};
    }
    std::optional<net::Ip> host(const net::IpRef& ours) override {
        if (ours.ref != net::Ref{0, 11}) return std::nullopt;
        return kHost;
    }
    std::optional<net::Ip> ea(const net::IpRef&, net::Family) override { return kRemote; }
    std::optional<net::IpRef> known_ours(const net::Ip& host, net::Family gw) override {
        return ours(host, gw);
    }
    std::optional<net::Ip> known_ea(const net::IpRef& address, net::Family family) override {
        return ea(address, family);
    }

    std::optional<std::pair<net::Ip, net::Ip>> also;  ///< another remote and local host
};

Settings settings() {
    Settings out;
    out.ea4 = encode_net(*net::Cidr::parse("10.240.0.0/12"));
    out.pub4 = kOurGw;
    return out;
}

struct Bench {
    Settings set = settings();
    OnePair lookup;
    Peers peers{8};
    Peers locals{8};
    PeerCache cache;  ///< the test's own
    Offloads offloads;
    WorkerShared shared{set, lookup, peers, locals, offloads, 1045, 1500, 1500, false};
    MemoryTun tun;
    MemoryUdp udp;
    Worker worker{shared, tun, &udp, nullptr};
    Time now = Time(std::chrono::seconds(1000));

    Bench() { run::configure_log({}); }
    Ready turn() { return worker.turn({true, true, false, true}, now); }
};

Buffer local_packet(size_t size, bool df, const net::Ip& to = kRemote) {
    return test::local_packet(kHost, to, size, df);
}

/// What the peer sends: to our ref 11, unless said otherwise.
Buffer tunnel_packet(uint64_t ref = 11) {
    return test::tunnel_packet({kPeer.ip, {0, 22}}, {kOurGw, {0, ref}});
}

uint64_t dropped(const Bench& bench, DropReason reason) {
    return bench.worker.counters().out.get(reason) + bench.worker.counters().in.get(reason);
}

}  // namespace

TEST_CASE("a batch goes out in one send, to the default port until another is learnt", "[worker]") {
    Bench bench;
    for (int i = 0; i < 3; i++) bench.tun.waiting.push_back(local_packet(100, true));
    CHECK_FALSE(bench.turn().any());
    CHECK(bench.udp.sends == 1);
    REQUIRE(bench.udp.sent.size() == 3);
    CHECK(bench.udp.sent[0].to == kPeer);
    CHECK(bench.udp.sent[0].bytes.size() == 100);  // headers of 20 bytes both
    CHECK(bench.udp.sent[0].bytes[0] == 0x11);     // version 1, DF

    bench.udp.waiting.push_back({{kPeer.ip, 40000}, tunnel_packet(), 0});
    bench.turn();
    REQUIRE(bench.tun.written.size() == 1);
    CHECK(net::Ip(net::Family::v4, bench.tun.written[0].data() + 12) == kRemote);
    CHECK(net::Ip(net::Family::v4, bench.tun.written[0].data() + 16) == kHost);
    bench.tun.waiting.push_back(local_packet(100, true));
    bench.turn();
    CHECK(bench.udp.sent.back().to.port == 40000);
    CHECK(bench.worker.counters().tun_received_packets.value() == 4);
    CHECK(bench.worker.counters().udp_sent_packets.value() == 4);
    CHECK(bench.worker.counters().tun_sent_packets.value() == 1);
}

TEST_CASE("a full batch says that more may wait", "[worker]") {
    Bench bench;
    for (size_t i = 0; i < kBatch + 5; i++) bench.tun.waiting.push_back(local_packet(60, true));
    const auto ready = bench.turn();
    CHECK(ready.tun);
    CHECK_FALSE(ready.udp4);
    CHECK(bench.udp.sent.size() == kBatch);
    CHECK_FALSE(bench.turn().any());
    CHECK(bench.udp.sent.size() == kBatch + 5);
}

TEST_CASE("reads that have become smaller for large datagrams grow back to a batch", "[worker]") {
    Bench bench;
    const size_t large = kBatch, small = 4 * kBatch;
    for (size_t i = 0; i < large; i++) {
        bench.udp.waiting.push_back({kPeer, Buffer(3 * kBatchBytes / kBatch), 0});
    }
    bench.turn();
    for (size_t i = 0; i < small; i++) bench.udp.waiting.push_back({kPeer, {1, 2, 3}, 0});
    CHECK(bench.turn().udp4);
    CHECK(bench.udp.waiting.size() == small - kBatch / 2);
    while (bench.turn().udp4) {
    }
    CHECK(bench.udp.waiting.empty());
    CHECK(bench.worker.counters().udp_received_packets.value() == large + small);
}

TEST_CASE("no port is learnt, and no peer made, from what does not decapsulate", "[worker]") {
    Bench bench;
    bench.udp.waiting.push_back({{kPeer.ip, 40000}, tunnel_packet(999), 0});
    bench.udp.waiting.push_back({{kPeer.ip, 40000}, {1, 2, 3}, 0});
    bench.udp.waiting.push_back({{ip("192.0.2.1"), 40000}, tunnel_packet(), 0});  // not its context
    bench.turn();
    CHECK(bench.peers.count() == 0);
    CHECK(bench.tun.written.empty());
    CHECK(dropped(bench, DropReason::source_context_mismatch) == 1);
    CHECK(dropped(bench, DropReason::tunnel_truncated) == 1);
    // The first one is answered, to where it came from.
    REQUIRE(bench.udp.sent.size() == 1);
    CHECK(bench.udp.sent[0].to.port == 40000);
}

TEST_CASE("too large for the path: answered with DF, split without", "[worker]") {
    Bench bench;
    bench.tun.waiting.push_back(local_packet(1480, true));
    bench.turn();
    CHECK(bench.udp.sent.empty());
    REQUIRE(bench.tun.written.size() == 1);  // fragmentation needed
    CHECK(bench.tun.written[0][9] == 1);
    CHECK(bench.tun.written[0][20] == 3);
    CHECK(bench.tun.written[0][21] == 4);
    CHECK(dropped(bench, DropReason::mtu_exceeded) == 1);

    bench.tun.waiting.push_back(local_packet(1480, false));
    bench.turn();
    REQUIRE(bench.udp.sent.size() == 2);
    for (const auto& each : bench.udp.sent) CHECK(each.bytes.size() <= 1472);
    CHECK(bench.worker.counters().icmp_errors.value() == 1);
}

TEST_CASE("EMSGSIZE at sending: the path MTU is learnt, and the packet is not lost", "[worker]") {
    Bench bench;
    bench.udp.limit = 1300;  // a path MTU of 1328
    const auto original = local_packet(1400, true);
    bench.tun.waiting.push_back(local_packet(200, true));
    bench.tun.waiting.push_back(original);
    bench.tun.waiting.push_back(local_packet(1400, false));
    bench.turn();
    // The small one, and the two halves of the one that may be split.
    REQUIRE(bench.udp.sent.size() == 3);
    REQUIRE(bench.tun.written.size() == 1);
    const auto& answer = bench.tun.written[0];
    CHECK(answer[20] == 3);
    CHECK(answer[21] == 4);
    CHECK((answer[26] << 8 | answer[27]) <= 1300);
    // It quotes the packet as its sender knows it.
    CHECK(std::equal(answer.begin() + 28, answer.begin() + 28 + 28, original.begin()));
    CHECK(bench.peers.rows(1000).at(0).path_mtu == 1328);
    CHECK(bench.worker.counters().path_mtu_changes.value() == 1);

    bench.tun.waiting.push_back(local_packet(1400, true));
    bench.turn();
    CHECK(bench.tun.written.size() == 2);
    CHECK(bench.udp.sent.size() == 3);
    // After ten minutes the large one is tried again.
    bench.udp.limit = 0;
    bench.now += std::chrono::seconds(kPathMtuLife);
    bench.tun.waiting.push_back(local_packet(1400, true));
    bench.turn();
    CHECK(bench.udp.sent.size() == 4);
}

TEST_CASE("every errno of a send is one packet's matter", "[worker]") {
    for (const int error : {ENETUNREACH, EPERM, ENOBUFS, EAGAIN, EHOSTUNREACH, ECONNREFUSED}) {
        Bench bench;
        bench.udp.error = error;
        bench.tun.waiting.push_back(local_packet(100, true));
        bench.turn();
        CHECK(dropped(bench, DropReason::tunnel_send_failed) == 1);
        bench.udp.error = 0;
        bench.tun.waiting.push_back(local_packet(100, true));
        bench.turn();
        CHECK(bench.udp.sent.size() == 1);
    }
    Bench bench;
    bench.tun.error = EIO;
    bench.udp.waiting.push_back({kPeer, tunnel_packet(), 0});
    bench.turn();
    CHECK(dropped(bench, DropReason::tun_write_failed) == 1);
}

TEST_CASE("a persistent EMSGSIZE without a reported MTU ends with a drop", "[worker]") {
    Bench bench;
    bench.udp.error = EMSGSIZE;
    bench.tun.waiting.push_back(local_packet(100, true));
    bench.tun.waiting.push_back(local_packet(100, false));
    bench.tun.waiting.push_back(local_packet(1480, false));
    bench.turn();
    CHECK(dropped(bench, DropReason::mtu_exceeded) == 3);
}

TEST_CASE("ICMP errors are limited", "[worker]") {
    Bench bench;
    for (uint32_t i = 0; i < IcmpLimit::kGroupBurst + 10; i++) {
        bench.tun.waiting.push_back(local_packet(100, true, ip("10.240.9.9")));  // nobody
    }
    bench.turn();
    CHECK(bench.tun.written.size() == IcmpLimit::kGroupBurst);
    CHECK(dropped(bench, DropReason::icmp_rate_limited) == 10);
    CHECK(dropped(bench, DropReason::destination_unknown) == IcmpLimit::kGroupBurst + 10);
    bench.now += std::chrono::seconds(1);
    bench.tun.waiting.push_back(local_packet(100, true, ip("10.240.9.9")));
    bench.turn();
    CHECK(bench.tun.written.size() == IcmpLimit::kGroupBurst + 1);
}

TEST_CASE("the sender of an ICMPv6 fragment that waits learns the path MTU", "[worker]") {
    // An echo request's first fragment, 1456 bytes: too large in the tunnel, and later ones,
    // which are as large, may not be answered.
    test::Buffer packet(1456, 0x55);
    const auto host = ip("fd20::10");
    const auto remote = ip("fdee::2222");
    const std::array<uint8_t, 8> start{0x60, 0, 0, 0, (1456 - 40) >> 8, (1456 - 40) & 0xff, 44, 64};
    std::copy(start.begin(), start.end(), packet.begin());
    std::copy(host.bytes().begin(), host.bytes().end(), packet.begin() + 8);
    std::copy(remote.bytes().begin(), remote.bytes().end(), packet.begin() + 24);
    const std::array<uint8_t, 12> rest{58, 0, 0, 1, 0, 0, 0, 9, 128, 0, 0x12, 0x34};
    std::copy(rest.begin(), rest.end(), packet.begin() + 40);

    Bench bench;
    bench.set.ea6 = encode_net(*net::Cidr::parse("fdee::/96"));
    bench.lookup.also = {{remote, host}};
    bench.peers.sending(bench.cache, kPeer.ip, 1, peer_seconds(bench.now));
    bench.peers.learn_mtu(bench.cache, kPeer.ip, 1400, peer_seconds(bench.now));
    bench.tun.waiting.push_back(packet);
    bench.turn();
    CHECK(bench.udp.sent.empty());
    REQUIRE(bench.tun.written.size() == 1);
    const auto& answer = bench.tun.written[0];
    CHECK(net::Ip(net::Family::v6, answer.data() + 24) == host);
    CHECK(answer[40] == 2);  // packet too big
    const uint32_t mtu = static_cast<uint32_t>(answer[46]) << 8 | answer[47];
    CHECK(mtu >= 1280);
    CHECK(mtu < 1456);
}
