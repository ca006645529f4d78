// SPDX-License-Identifier: GPL-2.0-or-later
// Several workers on one mapping table and one table of peers, while the table changes under
// them. What it is for shows under ThreadSanitizer.
#include <atomic>
#include <thread>

#include "gw/datapath/worker.h"
#include "gw/mapping/rcu.h"
#include "gw/mapping/table.h"
#include "unit/catch.h"
#include "unit/gw/memory_edges.h"

using namespace ipref;
using namespace ipref::gw;
using test::ip;
using test::MemoryTun;
using test::MemoryUdp;

namespace {

const net::Ip kOurGw = ip("203.0.113.1");

MappingConfig mapping() {
    MappingConfig config;
    config.encode_nets = {*net::Cidr::parse("10.240.0.0/12")};
    config.gateways = {kOurGw};
    return config;
}

Settings settings() {
    Settings out;
    out.ea4 = encode_net(*net::Cidr::parse("10.240.0.0/12"));
    out.pub4 = kOurGw;
    return out;
}

std::vector<StaticMapping> statics(unsigned variant) {
    std::vector<StaticMapping> out;
    for (uint32_t i = 0; i < 8; i++) {
        out.push_back({Relation::local, net::Ip::v4(0x0a01000a + i), {kOurGw, {0, 1000 + i}}});
    }
    // One that comes and goes.
    out.push_back({Relation::remote, ip("10.240.8.22"), {ip("198.51.100.9"), {0, 22 + variant}}});
    return out;
}

}  // namespace

TEST_CASE("workers share the table and the peers", "[worker]") {
    Clock clock;
    clock.set(1000);
    Table table(mapping(), clock);
    table.replace({"test", false, true}, statics(0), std::nullopt);
    const Settings set = settings();
    Peers peers(4);
    Peers locals(4);
    Offloads offloads;
    const WorkerShared shared{set, table, peers, locals, offloads, 1045, 1500, 1500, false};
    std::atomic<uint64_t> delivered = 0;
    std::atomic<uint64_t> unmapped = 0;
    const auto work = [&](uint32_t number) {
        RcuReader reader;
        MemoryTun tun;
        MemoryUdp udp;
        Worker worker(shared, tun, &udp, nullptr);
        const Time start = std::chrono::steady_clock::now();
        for (uint32_t i = 0; i < 200; i++) {
            const auto host = net::Ip::v4(0x0a01000a + i % 8);
            const net::IpRef ours{kOurGw, {0, 1000 + i % 8}};
            // Others take their place when they have been silent for long.
            const auto peer = net::Ip::v4(0xc6336400 + (i + number) % 8 + i / 100 * 8);
            tun.waiting.push_back(test::local_packet(host, ip("10.240.8.22"), 100, true));
            // Their refs are new now and then: allocations, from several workers at once.
            udp.waiting.push_back({{peer, static_cast<uint16_t>(1045 + i % 2)},
                                   test::tunnel_packet({peer, {0, 500 + i % 50}}, ours),
                                   0});
            worker.turn({true, true, false, true}, start + std::chrono::milliseconds(i * 200));
            reader.quiescent();
            if (i % 16 == 0) {
                const RcuOffline offline(reader);
                std::this_thread::yield();
            }
        }
        delivered += tun.written.size();
        unmapped += worker.counters().in.get(DropReason::no_encoded_address);
        worker.tick(start);
    };
    std::vector<std::thread> threads;
    for (uint32_t number = 0; number < 3; number++) threads.emplace_back(work, number);
    for (unsigned i = 1; i < 50; i++) {
        table.replace({"test", false, true}, statics(i % 2), std::nullopt);
        (void)peers.rows(2000);
        (void)peers.active(2000, 300);
    }
    for (auto& thread : threads) thread.join();
    // A packet waits 2 ms at most for the table's lock, whose owner may be off its CPU for longer.
    CHECK(delivered > 0);
    CHECK(delivered + unmapped >= 3 * 200);
    CHECK(peers.count() == 4);
    CHECK(peers.evicted() > 0);
    CHECK(peers.untracked() > 0);
}
