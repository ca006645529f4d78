// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/peers.h"

#include <algorithm>
#include <thread>

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

net::Ip peer(uint32_t number) {
    return net::Ip::v4(0xc0000200 + number);
}

}  // namespace

TEST_CASE("a peer's port is learnt from good packets, and followed", "[peers]") {
    Peers peers(4);
    PeerCache cache;
    CHECK(peers.sending(cache, peer(1), 100, 1).port == 0);
    CHECK_FALSE(peers.received(cache, peer(1), 1045, 60, 1));
    CHECK(peers.sending(cache, peer(1), 100, 1).port == 1045);
    CHECK(peers.received(cache, peer(1), 40000, 60, 1 + kPortQuiet));
    PeerCache other;
    CHECK(peers.sending(other, peer(1), 0, 4).port == 40000);
    const auto rows = peers.rows(4);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].sent_packets == 2);
    CHECK(rows[0].sent_bytes == 200);
    CHECK(rows[0].received_packets == 2);
    CHECK(rows[0].received_bytes == 120);
    CHECK(rows[0].last_received == 4);
    CHECK(rows[0].port_changes == 1);
    CHECK(peers.active(12, 8) == 1);
    CHECK(peers.active(13, 8) == 0);
}

TEST_CASE("pages have every peer once", "[peers]") {
    Peers peers(100);
    PeerCache cache;
    for (uint32_t i = 0; i < 100; i++) peers.sending(cache, peer(i), 1, 1 + i);
    std::vector<net::Ip> seen;
    size_t from = 0;
    int pages = 0;
    do {
        const auto page = peers.page(from, 30, 200);
        for (const auto& row : page.rows) {
            CHECK(row.last_used != 0);
            seen.push_back(row.ip);
        }
        from = page.next;
        pages++;
    } while (from != 0);
    std::sort(seen.begin(), seen.end());
    CHECK(pages == 4);
    CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
    CHECK(seen.size() == 100);
    CHECK(peers.page(SIZE_MAX, 30, 200).rows.empty());
}

TEST_CASE("a forged source does not move the port of a peer that sends", "[peers]") {
    Peers peers(4);
    PeerCache cache;
    const auto port = [&](PeerSeconds now) { return peers.sending(cache, peer(1), 0, now).port; };
    for (PeerSeconds now = 1; now < 20; now++) {  // a packet every two seconds is enough
        if (now % 2 == 1) peers.received(cache, peer(1), 1045, 60, now);
        CHECK_FALSE(peers.received(cache, peer(1), 666, 60, now));
        CHECK(port(now) == 1045);
    }
    // Quiet for a while it loses the port, and has it back with its next packet, for good.
    CHECK(peers.received(cache, peer(1), 666, 60, 19 + kPortQuiet));
    CHECK(port(22) == 666);
    CHECK(peers.received(cache, peer(1), 1045, 60, 22));
    CHECK(port(22) == 1045);
    CHECK_FALSE(peers.received(cache, peer(1), 666, 60, 22));
    CHECK_FALSE(peers.received(cache, peer(1), 666, 60, 24));
    CHECK(port(24) == 1045);
}

TEST_CASE("path MTU is lowered, bounded, and ends", "[peers]") {
    Peers peers(4);
    PeerCache cache;
    CHECK_FALSE(peers.learn_mtu(cache, peer(1), 1400, 1));  // no such peer
    CHECK(peers.count() == 0);
    peers.sending(cache, peer(1), 1, 1);
    CHECK(peers.learn_mtu(cache, peer(1), 1400, 1));
    CHECK_FALSE(peers.learn_mtu(cache, peer(1), 1450, 1));
    CHECK(peers.sending(cache, peer(1), 1, 2).mtu == 1400);
    CHECK(peers.learn_mtu(cache, peer(1), 10, 2));
    CHECK(peers.sending(cache, peer(1), 1, 2).mtu == 552);
    CHECK(peers.sending(cache, peer(1), 1, 2 + kPathMtuLife - 1).mtu == 552);
    CHECK(peers.sending(cache, peer(1), 1, 2 + kPathMtuLife).mtu == 0);
    CHECK(peers.learn_mtu(cache, peer(1), 1450, 2 + kPathMtuLife));
    const auto host = *net::Ip::parse("2001:db8::1");
    CHECK(peers.learn_mtu_of_new(cache, host, 1000, 5));
    CHECK(peers.mtu(cache, host, 5) == 1280);
    CHECK(peers.mtu(cache, peer(9), 5) == 0);
    CHECK(peers.count() == 2);
}

TEST_CASE("the least recently used peer gives way", "[peers]") {
    Peers peers(3);
    PeerCache cache;
    for (uint32_t i = 1; i <= 3; i++) {
        peers.received(cache, peer(i), static_cast<uint16_t>(1000 + i), 1, i);
    }
    peers.sending(cache, peer(1), 1, 4);
    const PeerSeconds then = 2 + kPeerLive;
    peers.received(cache, peer(4), 1004, 1, then);
    CHECK(peers.count() == 3);
    CHECK(peers.evicted() == 1);
    CHECK(peers.sending(cache, peer(1), 1, then).port == 1001);
    CHECK(peers.sending(cache, peer(3), 1, then).port == 1003);
    CHECK(peers.sending(cache, peer(4), 1, then).port == 1004);
    // A cache that remembers the slot does not mistake its new holder for the old one.
    CHECK(peers.sending(cache, peer(2), 1, then + kPeerLive).port == 0);
    CHECK(peers.evicted() == 2);
}

TEST_CASE("new peers do not push out those that are there", "[peers]") {
    Peers peers(2);
    PeerCache cache;
    peers.received(cache, peer(1), 1001, 1, 100);
    peers.received(cache, peer(2), 1002, 1, 100);
    for (uint32_t i = 3; i < 1000; i++) {
        CHECK_FALSE(peers.received(cache, peer(i), 7, 1, 100 + kPeerLive - 1));
        CHECK(peers.sending(cache, peer(i), 1, 100 + kPeerLive - 1).port == 0);
    }
    CHECK(peers.sending(cache, peer(1), 1, 110).port == 1001);
    CHECK(peers.sending(cache, peer(2), 1, 110).port == 1002);
    CHECK(peers.evicted() == 0);
    CHECK(peers.untracked() == 2 * 997);
}

TEST_CASE("workers never see another peer's port", "[peers]") {
    Peers peers(4);
    std::atomic<int> wrong = 0;
    auto work = [&](uint32_t seed) {
        PeerCache cache;
        for (uint32_t i = 0; i < 20000; i++) {
            const uint32_t number = (i * seed) % 16;
            const auto port = peers.sending(cache, peer(number), 1, i / 100 + 1).port;
            if (port != 0 && port != 1000 + number) wrong++;
            peers.received(cache, peer(number), static_cast<uint16_t>(1000 + number), 1,
                           i / 100 + 1);
            peers.learn_mtu(cache, peer(number), 1400, i / 100 + 1);
        }
    };
    std::thread one(work, 3);
    std::thread two(work, 7);
    work(5);
    one.join();
    two.join();
    CHECK(wrong == 0);
    CHECK(peers.count() == 4);
}
