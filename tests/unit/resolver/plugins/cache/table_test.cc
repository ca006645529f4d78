// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cache/table.h"

#include <thread>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::resolver::cache;

namespace {

const std::vector<uint8_t> kMessage(100, 7);

About about(Kind kind) {
    About out;
    out.kind = kind;
    return out;
}

Key key_of(const Name& name, uint16_t type = dns::rr::kA, uint8_t flags = 0,
           uint16_t klass = dns::klass::kIn) {
    return {name.wire(), type, klass, flags};
}

bool has(Table& table, const Key& key) {
    return table.visit(key, [](Entry&) {});
}

Name name_of(size_t number) {
    return *Name::parse(fmt::format("n{}.test", number));
}

}  // namespace

TEST_CASE("CoreDNS #5174, #8272: a key counts in full", "[cache][advisory]") {
    Table table({Limits{100, 1 << 20}, Limits{100, 1 << 20}});
    const auto name = *Name::parse("www.example.org");
    table.store(key_of(name), about(Kind::success), kMessage, {20, 30}, {});
    CHECK(has(table, key_of(name)));
    CHECK_FALSE(has(table, key_of(*Name::parse("ww.example.org"))));
    CHECK_FALSE(has(table, key_of(name, dns::rr::kAaaa)));
    CHECK_FALSE(has(table, key_of(name, dns::rr::kA, Key::kDnssecOk)));
    CHECK_FALSE(has(table, key_of(name, dns::rr::kA, Key::kCheckingDisabled)));
    CHECK_FALSE(has(table, key_of(name, dns::rr::kA, Key::kFailure)));
    CHECK_FALSE(has(table, key_of(name, dns::rr::kA, 0, dns::klass::kCh)));
    table.visit(key_of(name), [](Entry& entry) {
        CHECK(std::equal(kMessage.begin(), kMessage.end(), entry.message().begin(),
                         entry.message().end()));
        CHECK(entry.ttls() == 2);
        CHECK(entry.ttl_at(1) == 30);
        CHECK(entry.note().empty());
    });
    table.remove(key_of(name));
    CHECK_FALSE(has(table, key_of(name)));
    CHECK(table.entries(Kind::success) == 0);
    CHECK(table.bytes(Kind::success) == 0);
}

TEST_CASE("what was used least recently is pushed out, of its own kind", "[cache]") {
    Table table({Limits{3, 1 << 20}, Limits{2, 1 << 20}});
    for (size_t i = 0; i < 3; i++) {
        table.store(key_of(name_of(i)), about(Kind::success), kMessage, {}, {});
    }
    table.store(key_of(name_of(9)), about(Kind::denial), kMessage, {}, {});
    CHECK(has(table, key_of(name_of(0))));
    const auto pushed = table.store(key_of(name_of(3)), about(Kind::success), kMessage, {}, {});
    CHECK(pushed == std::array<size_t, 2>{1, 0});
    CHECK(has(table, key_of(name_of(0))));
    CHECK_FALSE(has(table, key_of(name_of(1))));
    CHECK(has(table, key_of(name_of(9))));
    CHECK(table.entries(Kind::success) == 3);
    // in place of what was there: nobody else goes, whatever the kind
    table.store(key_of(name_of(0)), about(Kind::denial), kMessage, {}, {});
    CHECK(table.entries(Kind::success) == 2);
    CHECK(table.entries(Kind::denial) == 2);
}

TEST_CASE("bytes are bounded", "[cache]") {
    Table table({Limits{100'000, 1 << 20}, Limits{0, 1 << 20}});
    const std::vector<uint8_t> large(5'000, 1);
    for (size_t i = 0; i < 10'000; i++) {
        table.store(key_of(name_of(i)), about(Kind::success), large, {}, {});
    }
    CHECK(table.bytes(Kind::success) <= (1 << 20) + 64);
    CHECK(table.bytes(Kind::success) > (1 << 19));
    CHECK(table.entries(Kind::success) * large.size() <= table.bytes(Kind::success));
    const std::vector<uint8_t> too_large(60'000, 1);  // for a share of 16 KB
    table.store(key_of(name_of(0)), about(Kind::success), too_large, {}, {});
    CHECK_FALSE(has(table, key_of(name_of(0))));
    table.store(key_of(name_of(1)), about(Kind::denial), kMessage, {}, {});
    CHECK_FALSE(has(table, key_of(name_of(1))));
}

TEST_CASE("threads share it", "[cache]") {
    Table table({Limits{500, 1 << 20}, Limits{500, 1 << 20}});
    std::vector<std::thread> threads;
    std::atomic<size_t> wrong = 0;
    for (size_t t = 0; t < 4; t++) {
        threads.emplace_back([&table, &wrong, t] {
            for (size_t i = 0; i < 5'000; i++) {
                const auto number = static_cast<uint8_t>((i * 7 + t) % 251);
                const auto name = name_of(number);
                const std::vector<uint8_t> message(100, number);
                table.visit(key_of(name), [&](Entry& entry) {
                    if (entry.message()[50] != number) wrong++;
                });
                const auto kind = i % 3 == 0 ? Kind::denial : Kind::success;
                table.store(key_of(name), about(kind), message, {}, {});
                if (i % 11 == 0) table.remove(key_of(name));
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(table.entries(Kind::success) + table.entries(Kind::denial) <= 251);
}
