// SPDX-License-Identifier: GPL-2.0-or-later
// ipref-gw: the IPREF gateway. Exit status: 0 after a signal to stop, 1 if it could not start or
// go on, 2 for a command line (with -check: or a hosts file) that is wrong. Commands that ask a
// running gateway: gw/admin/command.h.
#include <fmt/core.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "common/run/listen_fds.h"
#include "common/run/log.h"
#include "common/run/notify.h"
#include "common/run/version.h"
#include "gw/admin/command.h"
#include "gw/gateway.h"
#include "gw/hosts/parser.h"
#include "gw/options.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

void configure_log(const Options& options) {
    run::LogOptions log;
    log.format = options.log_format;
    log.debug = options.debug;
    log.time_stamps = options.time_stamps;
    run::configure_log(log);
}

std::string warning_of_topics(const Options& options) {
    return fmt::format("-debug: no such topic: {}; there are {}, or all",
                       fmt::join(options.unknown_topics, ", "), run::topic_names());
}

int check(const Options& options) {
    fmt::print("{}", describe(options));
    if (!options.unknown_topics.empty()) {
        fmt::print(stderr, "ipref-gw: {}\n", warning_of_topics(options));
    }
    const auto hosts = read_hosts(options.hosts, mapping_config(options));
    if (!hosts) {
        fmt::print(stderr, "ipref-gw: {}\n", hosts.error().text);
        return 2;
    }
    fmt::print("hosts-mappings {}\n", hosts->mappings.size());
    for (const auto& error : hosts->errors) fmt::print(stderr, "ipref-gw: {}\n", error);
    return hosts->errors.empty() ? 0 : 2;
}

/// Runs until a signal, or until the gateway cannot go on.
class Program {
  public:
    explicit Program(const Options& options)
        : options_(options),
          kept_(run::take_listen_fds()),
          watchdog_(loop_, [this] { watch(); }),
          terminate_(loop_, SIGTERM, [this] { loop_.stop(); }),
          interrupt_(loop_, SIGINT, [this] { loop_.stop(); }),
          hangup_(loop_, SIGHUP, [this] {
              if (gateway_) gateway_->reload();
          }) {}

    int run() {
        auto gateway = Gateway::open(loop_, options_, kept_, [this](const std::string& why) {
            run::log_line(run::Severity::fatal, why);
            status_ = 1;
            loop_.stop();
        });
        if (!gateway) {
            run::log_line(run::Severity::fatal, gateway.error().text);
            return 1;
        }
        gateway_ = std::move(*gateway);
        run::log_info("START ipref gateway");
        run::log_info("ipref-gw {} ({}): {}", run::kRelease, run::kCommit, gateway_->summary());
        if (const auto offloads = gateway_->offloads(); !offloads.empty()) {
            run::log_info("offloads: {}", offloads);
        }
        tell_kept();
        run::notify(fmt::format("READY=1\nSTATUS={}", gateway_->summary()));
        if (const auto period = run::watchdog_period()) watchdog_.start(*period, *period);
        loop_.run();
        run::notify("STOPPING=1");
        run::log_info("STOP ipref gateway");
        gateway_.reset();
        return status_;
    }

  private:
    void tell_kept() {
        if (const auto kept = gateway_->kept(); !kept.empty()) {
            run::log_info("kept from the gateway before: {}", kept);
        }
        for (const auto& name : kept_.forget_rest()) {
            run::log_info("descriptor {} of the service manager is not wanted, closed", name);
        }
    }

    /// The data path feeds the watchdog: a worker that hangs starves it.
    void watch() {
        if (gateway_->all_alive()) run::notify("WATCHDOG=1");
    }

    Options options_;
    run::FdStore kept_;
    run::Loop loop_;
    std::unique_ptr<Gateway> gateway_;
    run::Timer watchdog_;
    run::Signal terminate_;
    run::Signal interrupt_;
    run::Signal hangup_;
    int status_ = 0;
};

int run_gateway(const std::vector<std::string>& arguments) {
    if (const auto ended = admin::run_command(arguments)) return *ended;
    const auto line = parse_options(arguments);
    if (!line) {
        fmt::print(stderr, "ipref-gw: {}\n", line.error().text);
        return 2;
    }
    if (line->help) {
        fmt::print("{}{}", option_table().usage(), admin::command_list());
        return 0;
    }
    const auto& options = line->options;
    if (options.version) {
        fmt::print("ipref-gw {} ({})\n", run::kRelease, run::kCommit);
        return 0;
    }
    if (options.check) return check(options);
    configure_log(options);
    if (!options.unknown_topics.empty()) run::log_warning("{}", warning_of_topics(options));
    (void)std::signal(SIGPIPE, SIG_IGN);
    return Program(options).run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_gateway(run::arguments_of(argc, argv));
    } catch (const std::exception& error) {
        fmt::print(stderr, "ipref-gw: {}\n", error.what());
        return 1;
    }
}
