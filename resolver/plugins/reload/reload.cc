// SPDX-License-Identifier: GPL-2.0-or-later
// How often the Corefile is looked at; looking and loading is the program's (resolver/reloader.h).
#include "resolver/server/config.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr Nanoseconds kLeastInterval = std::chrono::seconds(2);
constexpr Nanoseconds kLeastJitter = std::chrono::seconds(1);

Result<Nanoseconds> at_least(Dispenser& d, Nanoseconds least, std::string_view what) {
    const auto value = parse_duration(d.val());
    if (!value) return d.err(value.error().text);
    if (*value < least) {
        return d.err(
            fmt::format("{} value must be greater or equal to {}", what, duration_text(least)));
    }
    return *value;
}

}  // namespace

Result<void> setup_reload(Setup& setup) {
    auto& d = setup.tokens();
    ReloadSettings settings{.interval = std::chrono::seconds(30),
                            .jitter = std::chrono::seconds(15)};
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (d.count_args() > 2) return d.arg_err();
        if (d.next_arg()) {
            const auto interval = at_least(d, kLeastInterval, "interval");
            if (!interval) return tl::unexpected(interval.error());
            settings.interval = *interval;
        }
        if (d.next_arg()) {
            const auto jitter = at_least(d, kLeastJitter, "jitter");
            if (!jitter) return tl::unexpected(jitter.error());
            settings.jitter = *jitter;
        }
        settings.jitter = std::min(settings.jitter, settings.interval / 2);
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    auto& reload = setup.process().reload;
    if (!reload || settings.interval < reload->interval) reload = settings;
    return {};
}

}  // namespace ipref::resolver
