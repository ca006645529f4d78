// SPDX-License-Identifier: GPL-2.0-or-later
// ipref-dns-agent. Exit status: 0 ended by a signal, or -h, -version, -check without findings;
// 1 could not start; 2 wrong options or sources.
#include <csignal>
#include <cstdio>
#include <exception>

#include "common/run/log.h"
#include "common/run/notify.h"
#include "common/run/sandbox.h"
#include "common/run/version.h"
#include "dns-agent/agent.h"

namespace {

using namespace ipref;

int serve(const agent::Options& options) {
    run::configure_log({.format = options.log_format,
                        .debug = options.debug ? run::kAllTopics : 0,
                        .time_stamps = options.time_stamps,
                        .to_stdout = false});
    run::Loop loop;
    run::Signal terminate(loop, SIGTERM, [&] { loop.stop(); });
    run::Signal interrupt(loop, SIGINT, [&] { loop.stop(); });
    auto agent = agent::Agent::make(loop, options);
    if (!agent) {
        run::log_error("{}", agent.error().text);
        return 1;
    }
    run::log_info("START ipref dns agent {}", run::kRelease);
    run::Signal hangup(loop, SIGHUP, [&] { (*agent)->reload(); });
    if (!options.no_sandbox) run::confine_and_log({});
    (*agent)->start();
    run::notify("READY=1");
    run::Timer watchdog(loop, [] { run::notify("WATCHDOG=1"); });
    if (const auto period = run::watchdog_period()) watchdog.start(*period, *period);
    // Signals alone do not keep a loop going, and without sources and mapper nothing else does.
    run::Wake stay(loop, [] {});
    loop.run();
    run::notify("STOPPING=1");
    run::log_info("STOP ipref dns agent");
    return 0;
}

int run_program(int argc, char** argv) {
    const auto options = agent::parse_options(run::arguments_of(argc, argv));
    if (!options) {
        std::fprintf(stderr, "ipref-dns-agent: %s\n", options.error().text.c_str());
        return 2;
    }
    if (options->help) {
        agent::Options unused;
        std::fputs(agent::option_table(unused).usage().c_str(), stdout);
        return 0;
    }
    if (options->version) {
        std::printf("ipref-dns-agent %s %s\n", run::kRelease, run::kCommit);
        return 0;
    }
    if (options->check) {
        std::fputs(agent::summary(*options).c_str(), stdout);
        return 0;
    }
    return serve(*options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_program(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ipref-dns-agent: %s\n", error.what());
        return 1;
    }
}
