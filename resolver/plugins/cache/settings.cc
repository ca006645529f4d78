// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cache/settings.h"

#include <algorithm>
#include <charconv>

namespace ipref::resolver::cache {

namespace {

constexpr uint64_t kBytesAnEntry = 1024;
constexpr uint64_t kLeastBytes = 128 * 1024;  // the largest message has room
constexpr uint32_t kMostEntries = 100'000'000;
constexpr uint32_t kMostTtl = 0x7fffffff;

template <typename T>
bool parse_number(std::string_view text, T& to) {
    const auto* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, to);
    return error == std::errc() && at == end;
}

Result<void> take_number(Dispenser& d, std::string_view what, uint32_t least, uint32_t most,
                         uint32_t& to) {
    uint32_t value = 0;
    if (!parse_number(d.val(), value) || value < least || value > most) {
        return d.err(fmt::format("{} must be a whole number from {} to {}, but is \"{}\"", what,
                                 least, most, d.val()));
    }
    to = value;
    return {};
}

/// CAPACITY [TTL [MINTTL]]
Result<void> take_kind(Dispenser& d, KindSettings& to) {
    if (!d.next_arg()) return d.arg_err();
    if (auto done = take_number(d, "the capacity", 0, kMostEntries, to.entries); !done) return done;
    if (!d.next_arg()) return {};
    if (auto done = take_number(d, "the TTL", 1, kMostTtl, to.ttl_most); !done) return done;
    if (!d.next_arg()) return {};
    if (auto done = take_number(d, "the least TTL", 0, kMostTtl, to.ttl_least); !done) return done;
    if (to.ttl_least > to.ttl_most) {
        return d.err(
            fmt::format("the least TTL ({}) is above the TTL ({})", to.ttl_least, to.ttl_most));
    }
    return {};
}

Result<void> take_percent(Dispenser& d, uint32_t& to) {
    const std::string text = d.val();
    if (text.back() != '%') {
        return d.err(
            fmt::format("last character of percentage should be `%`, but is: '{}'", text.back()));
    }
    uint32_t value = 0;
    if (!parse_number(std::string_view(text).substr(0, text.size() - 1), value) || value < 10 ||
        value > 90) {
        return d.err(fmt::format("percentage should fall in range [10, 90]: {}", text));
    }
    to = value;
    return {};
}

/// AMOUNT [DURATION [PERCENTAGE%]]
Result<void> take_prefetch(Dispenser& d, Settings& to) {
    if (!d.next_arg()) return d.arg_err();
    if (auto done = take_number(d, "prefetch's amount", 0, kMostTtl, to.prefetch_hits); !done) {
        return done;
    }
    if (!d.next_arg()) return {};
    const auto gap = parse_duration(d.val());
    if (!gap) return d.err(gap.error().text);
    if (gap->count() <= 0) return d.err("prefetch's duration must be more than 0");
    to.prefetch_gap = *gap;
    if (!d.next_arg()) return {};
    if (d.val().empty()) return d.arg_err();
    return take_percent(d, to.prefetch_percent);
}

/// The next argument, if there is one, from 0 to `most`.
Result<void> take_time(Dispenser& d, std::string_view what, std::chrono::nanoseconds most,
                       std::chrono::nanoseconds& to) {
    if (!d.next_arg()) return {};
    const auto time = parse_duration(d.val());
    if (!time) return d.err(time.error().text);
    if (time->count() < 0 || *time > most) {
        return d.err(fmt::format("serve_stale's {} must be from 0s to {}, but is {}", what,
                                 duration_text(most), d.val()));
    }
    to = *time;
    return {};
}

/// [VERIFY_TIMEOUT] [RESPONSE_TTL [FAILURE_RECHECK]]
Result<void> take_stale_times(Dispenser& d, Settings& to) {
    constexpr auto kMostRecheck = std::chrono::minutes(5);
    constexpr auto kMostStaleTtl = std::chrono::hours(24);
    if (to.verify) {
        std::chrono::nanoseconds patience = to.patience;
        auto done = take_time(d, "timeout", std::chrono::minutes(1), patience);
        if (!done) return done;
        if (patience.count() > 0) to.patience = std::chrono::ceil<run::Milliseconds>(patience);
    }
    std::chrono::nanoseconds ttl = std::chrono::seconds(to.stale_ttl);
    if (auto done = take_time(d, "TTL", kMostStaleTtl, ttl); !done) return done;
    to.stale_ttl =
        static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(ttl).count());
    return take_time(d, "recheck time", kMostRecheck, to.recheck);
}

/// [DURATION [immediate|verify ...]]
Result<void> take_serve_stale(Dispenser& d, Settings& to) {
    to.stale_for = std::chrono::hours(1);
    if (!d.next_arg()) return {};
    const auto most = parse_duration(d.val());
    if (!most) return d.err(most.error().text);
    if (most->count() < 0) return d.err("invalid negative duration for serve_stale");
    to.stale_for = *most;
    if (!d.next_arg()) return {};
    if (d.val() != "immediate" && d.val() != "verify") {
        return d.err(
            fmt::format("invalid value for serve_stale refresh mode: {}; there are "
                        "immediate and verify",
                        d.val()));
    }
    to.verify = d.val() == "verify";
    return take_stale_times(d, to);
}

Result<void> take_policy(Dispenser& d, Settings& to) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val() != "prefer_positive") {
        return d.err(
            fmt::format("unknown serve_stale_policy: {}; there is prefer_positive", d.val()));
    }
    to.prefer_positive = true;
    return {};
}

Result<void> take_servfail(Dispenser& d, Settings& to) {
    if (!d.next_arg()) return d.arg_err();
    const auto time = parse_duration(d.val());
    if (!time) return d.err(time.error().text);
    if (time->count() < 0) return d.err("invalid negative ttl for servfail");
    if (*time > std::chrono::minutes(5)) {
        return d.err("caching SERVFAIL responses over 5 minutes is not permitted");
    }
    to.servfail = *time;
    return {};
}

/// success|denial [ZONES...]
Result<void> take_disable(Setup& setup, Dispenser& d, Settings& to) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val() != "success" && d.val() != "denial") {
        return d.err(fmt::format("cannot disable {}; there are success and denial", d.val()));
    }
    auto& disabled = to.of(d.val() == "success" ? Kind::success : Kind::denial).disabled;
    const auto zones = setup.zones_or_own(d.remaining_tokens());
    if (!zones) return tl::unexpected(zones.error());
    disabled.insert(disabled.end(), zones->begin(), zones->end());
    return {};
}

Result<void> take_memory(Dispenser& d, Settings& to) {
    if (!d.next_arg()) return d.arg_err();
    const auto size = parse_size(d.val());
    if (!size) return d.err(size.error().text);
    to.memory = *size;
    return {};
}

OptionTable option_table(Setup& setup, Settings& to) {
    OptionTable table;
    table.custom({"success", "CAPACITY [TTL [MINTTL]]", "9984 3600 5",
                  "How many answers with data are kept, and the bounds of their TTL in seconds.",
                  [&](Dispenser& d) { return take_kind(d, to.of(Kind::success)); }});
    table.custom({"denial", "CAPACITY [TTL [MINTTL]]", "9984 1800 5",
                  "Likewise for answers that say that something does not exist.",
                  [&](Dispenser& d) { return take_kind(d, to.of(Kind::denial)); }});
    table.custom(
        {"prefetch", "AMOUNT [DURATION [PERCENTAGE%]]", "",
         "What was asked for so often without a longer gap is fetched anew before it ends.",
         [&](Dispenser& d) { return take_prefetch(d, to); }});
    table.custom({"serve_stale",
                  "[DURATION [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]]", "",
                  "Answers that have ended are given for this time when nobody has a fresh one.",
                  [&](Dispenser& d) { return take_serve_stale(d, to); }});
    table.custom({"serve_stale_policy", "prefer_positive", "",
                  "A stale answer counts more than a fresh one that denies what it has.",
                  [&](Dispenser& d) { return take_policy(d, to); }});
    table.custom({"servfail", "DURATION", "5s", "How long failures are kept; 0: not at all.",
                  [&](Dispenser& d) { return take_servfail(d, to); }});
    table.custom({"disable", "success|denial [ZONES...]", "", "What is not kept.",
                  [&](Dispenser& d) { return take_disable(setup, d, to); }});
    table.flag("keepttl", to.keep_ttl, "TTLs do not count down.");
    table.custom({"memory", "SIZE", "", "Bytes for all answers: 16M, 512K.",
                  [&](Dispenser& d) { return take_memory(d, to); }});
    return table;
}

/// [TTL] [ZONES...]
Result<void> take_arguments(Setup& setup, Settings& to) {
    auto& d = setup.tokens();
    auto arguments = d.remaining_tokens();
    uint32_t ttl = 0;
    if (!arguments.empty() && parse_number(arguments[0].text, ttl)) {
        if (ttl == 0 || ttl > kMostTtl) {
            return parse_error(arguments[0].at,
                               fmt::format("cache TTL can not be zero or above {}: {}", kMostTtl,
                                           arguments[0].text));
        }
        for (auto& kind : to.kinds) kind.ttl_most = ttl;
        arguments.erase(arguments.begin());
    } else if (!arguments.empty() && arguments[0].text.find_first_of("./") == std::string::npos) {
        return parse_error(arguments[0].at,
                           fmt::format("\"{0}\" is no TTL in seconds; if it is a zone, write "
                                       "\"{0}.\"",
                                       arguments[0].text));
    }
    auto zones = setup.zones_or_own(arguments);
    if (!zones) return tl::unexpected(zones.error());
    to.zones = std::move(*zones);
    return {};
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kUnits = "KMG";
    const auto all = text;
    unsigned shift = 0;
    if (!text.empty()) {
        const auto unit = kUnits.find(text.back());
        if (unit != std::string_view::npos) {
            shift = static_cast<unsigned>(unit + 1) * 10;
            text.remove_suffix(1);
        }
    }
    uint64_t value = 0;
    constexpr uint64_t kMost = uint64_t{1} << 40;
    if (!parse_number(text, value) || value == 0 || value > kMost >> shift) {
        return fail("\"{}\" is no size; write bytes, or 512K, 16M, 1G", all);
    }
    return value << shift;
}

std::array<Limits, kKinds> Settings::limits() const {
    const uint64_t entries = std::max<uint64_t>(1, uint64_t{kinds[0].entries} + kinds[1].entries);
    std::array<Limits, kKinds> out;
    for (size_t kind = 0; kind < kKinds; kind++) {
        const uint64_t own = kinds[kind].entries;
        const uint64_t usual = std::max(own * kBytesAnEntry, kLeastBytes);
        const auto share = static_cast<uint64_t>(
            static_cast<double>(memory) * static_cast<double>(own) / static_cast<double>(entries));
        out[kind] = {own, memory == 0 ? usual : share};
    }
    return out;
}

Result<Settings> parse_settings(Setup& setup) {
    auto& d = setup.tokens();
    Settings settings;
    settings.of(Kind::denial).ttl_most = 1800;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (auto done = take_arguments(setup, settings); !done) {
            return tl::unexpected(done.error());
        }
        if (auto done = option_table(setup, settings).read_block(d); !done) {
            return tl::unexpected(done.error());
        }
    }
    if (settings.prefer_positive && settings.stale_for.count() == 0) {
        setup.warn("serve_stale_policy has no effect without serve_stale");
    }
    for (auto& kind : settings.kinds) kind.ttl_least = std::min(kind.ttl_least, kind.ttl_most);
    return settings;
}

}  // namespace ipref::resolver::cache
