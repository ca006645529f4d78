// SPDX-License-Identifier: GPL-2.0-or-later
// How long connections may take. Source: spec page "ipref-coredns", 2.2 and 2.4, 9.
#include <algorithm>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using namespace std::chrono_literals;

constexpr run::Milliseconds kLeast = 1s;
constexpr run::Milliseconds kMost = 24h;

/// A duration; of a number without a unit, so many seconds.
OptionRow time_option(std::string name, run::Milliseconds& to, std::string help) {
    return {std::move(name), "DURATION", duration_text(to), std::move(help),
            [&to](Dispenser& d) -> Result<void> {
                if (!d.next_arg()) return d.arg_err();
                const bool plain =
                    std::ranges::all_of(d.val(), [](char c) { return c >= '0' && c <= '9'; });
                const auto value = parse_duration(plain ? d.val() + "s" : d.val());
                if (!value) return d.err(value.error().text);
                if (*value < kLeast || *value > kMost) {
                    return d.err(fmt::format("\"{}\" is not between {} and {}", d.val(),
                                             duration_text(kLeast), duration_text(kMost)));
                }
                to = std::chrono::duration_cast<run::Milliseconds>(*value);
                return {};
            }};
}

}  // namespace

Result<void> setup_timeouts(Setup& setup) {
    auto& d = setup.tokens();
    StreamTimes times;
    while (d.next()) {
        if (!d.remaining_args().empty()) return d.arg_err();
        OptionTable table;
        table.custom(
            time_option("read", times.read, "From connecting to the first whole question."));
        table.custom(time_option("write", times.write, "For the client to take an answer."));
        table.custom(time_option("idle", times.idle, "From one question to the next."));
        if (auto done = table.read_block(d); !done) return done;
    }
    setup.settings().times = times;
    return {};
}

}  // namespace ipref::resolver
