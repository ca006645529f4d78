// SPDX-License-Identifier: GPL-2.0-or-later
// Lets instructions.py choose how often a benchmark goes round.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>

/// BENCHMARK(...)->Apply(counted): exactly IPREF_BENCH_ITERATIONS times, if that is set.
inline void counted(benchmark::internal::Benchmark* it) {
    if (const char* times = std::getenv("IPREF_BENCH_ITERATIONS"))
        it->Iterations(std::atoll(times));
}
