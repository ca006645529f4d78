// SPDX-License-Identifier: GPL-2.0-or-later
// Nanoseconds per look-up in the mapping table, each of a mapping that no cache has seen lately.
#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "bench/counted.h"
#include "unit/gw/mapping/fixture.h"

namespace {

using namespace ipref;
using namespace ipref::gw;

struct Mapping {
    net::Ip ea;
    net::IpRef theirs;
};

/// One table at a time: so many dynamic mappings, in random order.
struct Filled {
    explicit Filled(size_t count) : site(config()) {
        site.reader.offline();
        site.table.reserve(count, 0);
        site.reader.online();
        for (size_t i = 0; i < count; i++) {
            const net::IpRef theirs{net::Ip::v4(0xc6120001 + static_cast<uint32_t>(i % 1024)),
                                    {0, 0x100000000 + i}};
            mappings.push_back({site.table.encode(theirs, v4)->ea, theirs});
        }
        std::ranges::shuffle(mappings, std::mt19937(1));
    }
    static MappingConfig config() {
        MappingConfig config;
        config.encode_nets = {net::Cidr::parse("10.0.0.0/8").value()};
        config.gateways = {ip("203.0.113.1")};
        return config;
    }

    gw::Site site;
    std::vector<Mapping> mappings;
};

Filled& filled(size_t count) {
    static std::unique_ptr<Filled> now;
    if (now == nullptr || now->mappings.size() != count) {
        now.reset();
        now = std::make_unique<Filled>(count);
    }
    return *now;
}

template <typename LookUp>
void each(benchmark::State& state, LookUp look_up) {
    Filled& all = filled(static_cast<size_t>(state.range(0)));
    size_t at = 0;
    for (auto step : state) {
        (void)step;
        if (!look_up(all.site.table, all.mappings[at])) return state.SkipWithError("not found");
        if (++at == all.mappings.size()) at = 0;
    }
    state.SetItemsProcessed(state.iterations());
}

void look_up_ea(benchmark::State& state) {
    each(state, [](Table& table, const Mapping& each) { return table.theirs(each.ea); });
}

void look_up_theirs(benchmark::State& state) {
    each(state, [](Table& table, const Mapping& each) { return table.ea(each.theirs, v4); });
}

BENCHMARK(look_up_ea)->Apply(counted)->ArgName("mappings")->Arg(1'000)->Arg(1'000'000);
BENCHMARK(look_up_theirs)->Apply(counted)->ArgName("mappings")->Arg(1'000)->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();
