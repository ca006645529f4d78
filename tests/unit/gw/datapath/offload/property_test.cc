// SPDX-License-Identifier: GPL-2.0-or-later
// Random traffic, joined and cut; random super-packets, cut and joined. A failure names its seed:
// run with IPREF_SEED=N to see it again.
#include <cstdlib>
#include <random>

#include "unit/gw/datapath/offload/traffic.h"

using namespace ipref;
using namespace ipref::test;

namespace {

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}
    size_t operator()(size_t below) { return engine_() % below; }

  private:
    std::mt19937_64 engine_;
};

/// One seed of the environment's choice, or `count` of them.
template <typename Test>
void with_seeds(uint64_t count, Test test) {
    const char* chosen = std::getenv("IPREF_SEED");
    const uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 0;
    if (chosen != nullptr) count = 1;
    for (uint64_t seed = first; seed < first + count; seed++) {
        INFO("IPREF_SEED=" << seed);
        Random random(seed);
        test(random);
    }
}

}  // namespace

TEST_CASE("what is joined and cut is what it was", "[coalesce][segment][property]") {
    gw::Coalescer coalescer;
    size_t joined = 0;
    with_seeds(3000, [&](Random& random) {
        Traffic traffic(random);
        std::vector<Input> inputs(1 + random(gw::Coalescer::kMostJoined));
        for (auto& each : inputs) each = traffic.next();
        const gw::CoalescerRules rules{random(16) != 0, random(16) != 0};
        REQUIRE(check_coalescer(coalescer, inputs, rules).value_or("") == "");
        for (const auto& each : coalesce(coalescer, inputs, rules)) joined += each.segments() > 1;
    });
    CHECK(joined > 0);
}

TEST_CASE("what is cut and joined is what it was", "[coalesce][segment][property]") {
    gw::Coalescer coalescer;
    with_seeds(1000, [&](Random& random) {
        Shape shape;
        shape.v4 = random(2) == 0;
        shape.protocol = random(2) == 0 ? kTcp : kUdp;
        shape.flags = static_cast<uint8_t>(0x10 | random(2) << 3 | random(2) << 6);
        shape.options.resize(random(11) * 4, 1);
        shape.sequence = static_cast<uint32_t>(random(size_t{1} << 32));
        shape.id = static_cast<uint16_t>(random(0x10000));
        shape.payload.resize(2 + random(65535 - shape.headers() - 1));
        for (auto& byte : shape.payload) byte = static_cast<uint8_t>(random(256));
        const size_t least = (shape.payload.size() + 63) / 64;
        const size_t segment_size = least + random(shape.payload.size() - least);
        auto packet = build(shape);
        REQUIRE(check_segmenter(packet, segment_size).value_or("") == "");
        std::vector<Input> inputs;
        for (auto& each : segments(*gw::Segmenter::of(packet, segment_size), packet)) {
            inputs.push_back({std::move(each), shape.headers()});
        }
        const auto joined = coalesce(coalescer, inputs);
        REQUIRE(joined.size() == 1);
        REQUIRE(joined[0].segments() == inputs.size());
        if (inputs.size() > 1) {
            REQUIRE(joined[0].segment_size() == segment_size);
            const size_t field = shape.ip_size() + (shape.protocol == kTcp ? 16 : 6);
            set16(packet, field,
                  pseudo_sum(packet, shape.protocol, packet.size() - shape.ip_size()));
        }
        REQUIRE(bytes_of(joined[0]) == packet);
    });
}
