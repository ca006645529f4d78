// SPDX-License-Identifier: GPL-2.0-or-later
// Nanoseconds per segment of joining a batch and of cutting a super-packet, without system calls.
// Arguments: segments, bytes of payload of each, flows they are spread over by turns.
#include <benchmark/benchmark.h>

#include "bench/counted.h"
#include "unit/gw/datapath/offload/check.h"

namespace {

using namespace ipref;
using namespace ipref::test;

Shape shape(bool v4, uint8_t protocol, size_t size) {
    Shape out;
    out.v4 = v4;
    out.protocol = protocol;
    if (protocol == kTcp) out.options = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 3};
    out.payload.resize(size);
    return out;
}

void coalesce(benchmark::State& state, bool v4, uint8_t protocol) {
    const auto count = static_cast<size_t>(state.range(0));
    const auto flows = static_cast<size_t>(state.range(2));
    std::vector<Shape> next(flows, shape(v4, protocol, static_cast<size_t>(state.range(1))));
    std::vector<Input> inputs;
    for (size_t i = 0; i < count; i++) {
        auto& flow = next[i % flows];
        flow.from_port = static_cast<uint16_t>(i % flows);
        inputs.push_back(input(flow));
        flow = after(flow);
    }
    gw::Coalescer coalescer;
    for (auto step : state) {
        (void)step;
        const auto joined = test::coalesce(coalescer, inputs);
        if (joined.size() != flows) return state.SkipWithError("not joined");
        benchmark::DoNotOptimize(joined.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void segment(benchmark::State& state, bool v4, uint8_t protocol) {
    const auto size = static_cast<size_t>(state.range(1));
    const auto super = build(shape(v4, protocol, size * static_cast<size_t>(state.range(0))));
    std::array<uint8_t, gw::kMaxHeaders> head;
    for (auto step : state) {
        (void)step;
        const auto cut = gw::Segmenter::of(super, size);
        if (!cut) return state.SkipWithError("not cut");
        const auto payload = std::span(super).subspan(cut->headers().size());
        for (size_t i = 0; i < cut->count(); i++) {
            const auto part = payload.subspan(cut->payload_start(i), cut->payload_size(i));
            cut->write_ip(i, head.data());
            cut->write_layer4(i, part, head.data() + cut->headers().ip_size);
            benchmark::DoNotOptimize(head.data());
            benchmark::ClobberMemory();
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void tcp_batches(benchmark::internal::Benchmark* it) {
    it->Apply(counted)
        ->ArgNames({"segments", "bytes", "flows"})
        ->Args({44, 1400, 1})
        ->Args({44, 1400, 8});
}
void udp_batches(benchmark::internal::Benchmark* it) {
    it->Apply(counted)
        ->ArgNames({"segments", "bytes", "flows"})
        ->Args({64, 64, 1})
        ->Args({64, 64, 8});
}

BENCHMARK_CAPTURE(coalesce, tcp4, true, kTcp)->Apply(tcp_batches);
BENCHMARK_CAPTURE(coalesce, tcp6, false, kTcp)->Apply(tcp_batches);
BENCHMARK_CAPTURE(coalesce, udp4, true, kUdp)->Apply(udp_batches);
BENCHMARK_CAPTURE(coalesce, udp6, false, kUdp)->Apply(udp_batches);
BENCHMARK_CAPTURE(segment, tcp4, true, kTcp)
    ->Apply(counted)
    ->ArgNames({"segments", "bytes"})
    ->Args({44, 1400});
BENCHMARK_CAPTURE(segment, tcp6, false, kTcp)
    ->Apply(counted)
    ->ArgNames({"segments", "bytes"})
    ->Args({44, 1400});
BENCHMARK_CAPTURE(segment, udp4, true, kUdp)
    ->Apply(counted)
    ->ArgNames({"segments", "bytes"})
    ->Args({64, 64});
BENCHMARK_CAPTURE(segment, udp6, false, kUdp)
    ->Apply(counted)
    ->ArgNames({"segments", "bytes"})
    ->Args({64, 64});

}  // namespace

BENCHMARK_MAIN();
