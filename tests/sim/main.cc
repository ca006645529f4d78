// SPDX-License-Identifier: GPL-2.0-or-later
// usage: mapper-sim [-v] SEED            one run; -v prints every step of its end
//        mapper-sim SEED COUNT [STEPS]   so many seeds from that one on
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sim/simulation.h"

namespace {

using ipref::gw::sim::Simulation;

constexpr size_t kSteps = 400;
constexpr size_t kEnough = 3;  // failures, before the rest is left

/// Empty if it passes, and not `always`.
std::string report(uint64_t seed, size_t steps, bool always, bool& passed) {
    Simulation simulation(seed);
    passed = simulation.run(steps);
    if (passed && !always) return {};
    std::string text;
    for (const auto& step : simulation.judge().steps()) text += fmt::format("  {}\n", step);
    if (passed) return text;
    return text + fmt::format("seed {}, step {}: {}\nagain: mapper-sim {}\n", seed,
                              simulation.steps(), simulation.judge().verdict(), seed);
}

struct Work {
    uint64_t first;
    uint64_t count;
    size_t steps;
    bool verbose;
};

/// Every `processes`-th seed, from the `number`-th on; how many have failed.
size_t failures(const Work& work, size_t number, size_t processes) {
    size_t failed = 0;
    for (uint64_t i = number; i < work.count && failed < kEnough; i += processes) {
        bool passed = false;
        const auto text = report(work.first + i, work.steps, work.verbose, passed);
        if (!passed) failed++;
        if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return kEnough;
    }
    return failed;
}

// Ends of lives wait for liburcu's thread rather than for a processor: many can wait at once.
size_t failures_of_all(const Work& work) {
    constexpr size_t kProcesses = 16;
    size_t failed = 0;
    std::vector<pid_t> children;
    for (size_t number = 0; number < kProcesses; number++) {
        const pid_t child = fork();
        if (child == 0) _exit(static_cast<int>(failures(work, number, kProcesses)));
        if (child > 0) children.push_back(child);
        if (child < 0) failed++;
    }
    for (const pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        failed += WIFEXITED(status) ? static_cast<size_t>(WEXITSTATUS(status)) : 1;
    }
    return failed;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool verbose = std::erase(words, "-v") > 0;
    if (words.empty() || words.size() > 3) {
        std::fprintf(stderr, "usage: mapper-sim [-v] SEED\n       mapper-sim SEED COUNT [STEPS]\n");
        return 2;
    }
    const auto number = [&](size_t at, uint64_t otherwise) {
        return words.size() > at ? std::strtoull(words[at].c_str(), nullptr, 10) : otherwise;
    };
    const Work work{number(0, 0), number(1, 1), number(2, kSteps), verbose};
    const size_t failed = work.count == 1 ? failures(work, 0, 1) : failures_of_all(work);
    std::printf(
        "%llu passed, %zu failed\n",
        static_cast<unsigned long long>(work.count - std::min<uint64_t>(work.count, failed)),
        failed);
    return failed != 0;
}
