// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/publisher.h"

#include "unit/catch.h"
#include "unit/dns-agent/fake_world.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

using Texts = std::vector<std::string>;

std::shared_ptr<wire::HostSet> hosts(std::vector<uint32_t> numbers) {
    auto set = std::make_shared<wire::HostSet>();
    set->local_domain = "internal";
    set->public_domain = "example.com";
    for (const auto number : numbers) {
        set->hosts.push_back(
            {net::Ip::v4(0x0a000000 + number), {net::Ip::v4(0xcb007101), {0, number}}});
    }
    set->hash = wire::hash_of(set->hosts);
    return set;
}

struct Setup {
    FakeWorld world;
    FakeMapper mapper;
    Publisher publisher{world, mapper, {"internal", "example.com"}, minutes(59)};
    const std::string key = "internal:example.com";
};

}  // namespace

TEST_CASE("a full set first, the difference later, the hash at polls", "[publisher]") {
    Setup s;
    s.publisher.poll();
    CHECK(s.mapper.requests.empty());
    s.publisher.set(hosts({1, 2, 3, 4}));
    s.publisher.poll();
    s.publisher.set(hosts({1, 2, 3, 4, 5}));
    s.publisher.set(hosts({1, 2, 3, 4, 5}));
    s.publisher.set(hosts({7}));
    CHECK(s.mapper.requests == Texts{"publish 4", "confirm 4", "change +1 -0", "publish 1"});
    CHECK(s.mapper.held[s.key]->hosts.size() == 1);
}

TEST_CASE("changes between sets", "[publisher]") {
    const auto change = change_between(*hosts({1, 2, 3, 4, 5, 6}), *hosts({2, 3, 4, 5, 6, 7}));
    REQUIRE(change);
    CHECK((change->remove == hosts({1})->hosts));
    CHECK((change->add == hosts({7})->hosts));
    CHECK(change->base_hash == hosts({1, 2, 3, 4, 5, 6})->hash);
    CHECK_FALSE(change_between(*hosts({1, 2, 3}), *hosts({4, 5, 6})));
    auto moved = hosts({1, 2, 3, 4, 5, 6});
    moved->hosts[2].ip = net::Ip::v4(0x0a0000ff);
    CHECK_FALSE(change_between(*hosts({1, 2, 3, 4, 5, 6}), *moved));
}

TEST_CASE("a gateway that lost the source gets everything again", "[publisher]") {
    Setup s;
    s.publisher.set(hosts({1, 2}));
    s.mapper.held.clear();
    s.publisher.poll();
    CHECK(s.mapper.requests == Texts{"publish 2", "confirm 2", "publish 2"});
    s.mapper.held.clear();
    s.publisher.set(hosts({1, 2, 3}));
    CHECK(s.mapper.requests.size() == 5);
    CHECK(s.mapper.requests.back() == "publish 3");
    CHECK(s.mapper.held.count(s.key) == 1);
}

TEST_CASE("without a connection nothing is lost, and all goes when it is back", "[publisher]") {
    Setup s;
    s.mapper.up = false;
    s.publisher.set(hosts({1}));
    s.publisher.set(hosts({1, 2}));
    CHECK(s.mapper.requests.empty());
    s.mapper.up = true;
    s.publisher.connected();
    CHECK(s.mapper.requests == Texts{"publish 2"});
    s.mapper.held.clear();
    s.publisher.connected();
    CHECK(s.mapper.requests == Texts{"publish 2", "publish 2"});
}

TEST_CASE("a refusal is told and tried again, ever later", "[publisher]") {
    Setup s;
    s.mapper.failure = mapper::Failure{mapper::Reason::store, "the disk is full"};
    s.publisher.set(hosts({1}));
    CHECK(s.world.said("W internal:example.com: not published: the disk is full; next try in 5 s"));
    s.world.pass(seconds(4));
    CHECK(s.mapper.requests.size() == 1);
    s.world.pass(seconds(1));
    CHECK(s.mapper.requests.size() == 2);
    s.world.pass(seconds(9));
    CHECK(s.mapper.requests.size() == 2);
    s.mapper.failure.reset();
    s.world.pass(seconds(1));
    CHECK(s.mapper.requests.size() == 3);
    CHECK(s.mapper.held.count(s.key) == 1);
    s.world.pass(minutes(60));
    CHECK(s.mapper.requests.size() == 3);
}

TEST_CASE("a new connection does not wait for the next try", "[publisher]") {
    Setup s;
    s.mapper.failure = mapper::Failure{mapper::Reason::store, "the disk is full"};
    s.publisher.set(hosts({1}));
    s.mapper.failure.reset();
    s.publisher.connected();
    CHECK(s.mapper.held.count(s.key) == 1);
    s.world.pass(minutes(60));
    CHECK(s.mapper.requests.size() == 2);
}

TEST_CASE("a full set refused for its hash is not sent in a loop", "[publisher]") {
    Setup s;
    s.mapper.failure = mapper::Failure{mapper::Reason::unknown_hash, "unknown"};
    s.publisher.set(hosts({1}));
    CHECK(s.mapper.requests.size() == 1);
    s.world.pass(seconds(5));
    CHECK(s.mapper.requests.size() == 2);
}

TEST_CASE("hosts that the gateway refused are told", "[publisher]") {
    Setup s;
    s.mapper.rejected = 2;
    s.publisher.set(hosts({1, 2, 3}));
    CHECK(s.world.said("W internal:example.com: the gateway refused 2 of 3 hosts"));
}

TEST_CASE("withdrawing, once, and again after a reconnect", "[publisher]") {
    Setup s;
    s.publisher.set(hosts({1}));
    s.publisher.withdraw();
    s.publisher.withdraw();
    s.publisher.poll();
    CHECK(s.mapper.requests == Texts{"publish 1", "withdraw"});
    CHECK(s.world.said("withdrawn, nothing is published"));
    s.publisher.connected();
    CHECK(s.mapper.requests.size() == 3);
    s.publisher.set(hosts({1}));
    CHECK(s.mapper.held.count(s.key) == 1);
}
