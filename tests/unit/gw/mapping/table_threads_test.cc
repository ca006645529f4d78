// SPDX-License-Identifier: GPL-2.0-or-later
// Readers without locks beside a writer; made for ThreadSanitizer.
#include <thread>

#include "fixture.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

constexpr uint64_t kRounds = 400;

/// Looks up what is always there, and what comes and goes: either right or not at all.
struct Reader {
    Table& table;
    std::atomic<bool>& stop;
    const net::Ip stays;
    uint64_t wrong = 0;
    uint64_t seen = 0;

    void operator()() {
        RcuReader reader;
        for (uint64_t i = 0; !stop.load(std::memory_order_relaxed); i++) {
            if (table.theirs(stays) != at("198.51.100.7", "1")) wrong++;
            const net::IpRef ref{ip("203.0.113.1"), {0, 1024 + i % 8}};
            const auto host = table.host(ref);
            if (host && host->bytes()[3] / 2 != 50 + i % 8) wrong++;
            const net::IpRef shared{ip("198.51.100.9"), {0, i % kRounds}};
            const auto ea = table.ea(shared, v4);
            const auto back = ea ? table.theirs(*ea) : std::nullopt;  // may have expired between
            if (back && *back != shared) wrong++;
            seen++;
            if (i % 64 == 0) reader.quiescent();
            if (i % 1024 == 0) {
                const RcuOffline offline(reader);
                std::this_thread::yield();
            }
        }
    }
};

}  // namespace

TEST_CASE("readers beside a writer see each mapping right or not at all", "[threads]") {
    Site site;
    const auto stays = site.table.ea(at("198.51.100.7", "1"), v4).value();
    site.table.replace(kHosts, {{Relation::remote, stays, at("198.51.100.7", "1")}}, {});
    std::atomic<bool> stop = false;
    std::vector<Reader> readers(3, Reader{site.table, stop, stays});
    std::vector<std::thread> threads;
    for (auto& reader : readers) threads.emplace_back(std::ref(reader));
    site.reader.offline();
    for (uint64_t round = 0; round < kRounds; round++) {
        std::vector<StaticMapping> set;
        for (uint32_t i = 0; i < 8; i++) {
            if ((round + i) % 3 == 0) continue;
            // Refs move between two hosts: of ref 1024 + i they end in 100 + 2 i and one more.
            const auto host = net::Ip::v4(0xc0a80100 + 2 * (50 + i) + round % 2);
            set.push_back({Relation::local, host, {ip("203.0.113.1"), {0, 1024 + i}}});
        }
        CHECK(site.table.replace(kAgent, set, round).rejected == 0);
        CHECK(site.table.encode({ip("198.51.100.9"), {0, round}}, v4));
        if (round % 50 == 0) {
            site.later(kMappingLife);
            site.table.sweep(1000);
        }
    }
    site.reader.online();
    stop = true;
    for (auto& thread : threads) thread.join();
    uint64_t wrong = 0;
    for (const auto& reader : readers) wrong += reader.wrong;
    CHECK(wrong == 0);
}
