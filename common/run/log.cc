// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>

#include "common/run/json.h"

namespace ipref::run {

namespace {

/// Each by itself: what a line on another thread sees while they change is old or new.
struct State {
    std::atomic<LogFormat> format = LogFormat::letter;
    std::atomic<bool> time_stamps = false;
    std::atomic<bool> to_stdout = false;
    std::atomic<Topics> debug = 0;
};
constinit State the_state;

/// What a thread has gathered; see gather_log.
struct Gathered {
    bool on = false;
    std::string lines;
};
thread_local Gathered gathered;
constexpr size_t kMostGathered = 64 * 1024;  // bytes

constexpr std::array<std::string_view, static_cast<size_t>(Topic::count_)> kTopicNames{
    "hosts", "mapper", "packets", "peers", "ticks"};

const char* json_level(Severity severity) {
    static constexpr const char* names[] = {"debug", "info", "warning", "error", "fatal"};
    return names[static_cast<size_t>(severity)];
}

const char* prefix(LogFormat format, Severity severity) {
    static constexpr const char* letters[] = {"D ", "I ", "W ", "E ", "F "};
    static constexpr const char* brackets[] = {"[DEBUG] ", "[INFO] ", "[WARNING] ", "[ERROR] ",
                                               "[FATAL] "};
    const auto index = static_cast<size_t>(severity);
    return format == LogFormat::bracket ? brackets[index] : letters[index];
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

void append_clean(std::string& out, std::string_view text) {
    if (std::none_of(text.begin(), text.end(), is_control)) {
        out += text;
        return;
    }
    for (const char c : text) {
        if (is_control(c)) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
}

/// Seconds since 1970 and what is behind them, in units of `Part`.
template <typename Part>
std::pair<time_t, int64_t> seconds_and() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    return {seconds.count(), std::chrono::duration_cast<Part>(now - seconds).count()};
}

std::string now_rfc3339() {
    const auto [seconds, micros] = seconds_and<std::chrono::microseconds>();
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:06}Z", text, micros);
}

std::string now_local() {
    const auto [seconds, millis] = seconds_and<std::chrono::milliseconds>();
    tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return fmt::format("{}.{:03} ", text, millis);
}

void append_line(std::string& out, Severity severity, std::string_view text) {
    const auto format = the_state.format.load(std::memory_order_relaxed);
    if (format == LogFormat::json) {
        out += fmt::format("{{\"ts\":\"{}\",\"level\":\"{}\",\"msg\":{}}}\n", now_rfc3339(),
                           json_level(severity), quoted_json(text));
        return;
    }
    if (the_state.time_stamps.load(std::memory_order_relaxed)) out += now_local();
    out += prefix(format, severity);
    append_clean(out, text);
    out += '\n';
}

/// In one piece, behind what the program has printed there before. A log that cannot be written
/// ends no program.
void write_out(std::string_view lines) {
    FILE* const to = the_state.to_stdout.load(std::memory_order_relaxed) ? stdout : stderr;
    flockfile(to);
    std::fwrite(lines.data(), 1, lines.size(), to);
    std::fflush(to);
    funlockfile(to);
}

}  // namespace

void configure_log(const LogOptions& options) {
    the_state.format = options.format;
    the_state.time_stamps = options.time_stamps;
    the_state.to_stdout = options.to_stdout;
    the_state.debug = options.debug;
}

void gather_log(bool on) {
    flush_log();
    gathered.on = on;
}

void flush_log() {
    if (gathered.lines.empty()) return;
    write_out(gathered.lines);
    gathered.lines.clear();
}

bool log_enabled(Severity severity) {
    return severity != Severity::debug || the_state.debug.load(std::memory_order_relaxed) != 0;
}

bool log_enabled(Topic topic) {
    return (the_state.debug.load(std::memory_order_relaxed) & topic_bit(topic)) != 0;
}

std::string topic_names() {
    return fmt::format("{}", fmt::join(kTopicNames, ", "));
}

Topics parse_topics(std::string_view list, std::vector<std::string>& unknown) {
    Topics topics = 0;
    while (!list.empty()) {
        const auto word = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), word.size() + 1));
        const auto at = std::find(kTopicNames.begin(), kTopicNames.end(), word);
        if (word == "all") {
            topics = kAllTopics;
        } else if (at != kTopicNames.end()) {
            topics |= topic_bit(static_cast<Topic>(at - kTopicNames.begin()));
        } else {
            unknown.emplace_back(word);
        }
    }
    return topics;
}

void log_line(Severity severity, std::string_view text) {
    if (!log_enabled(severity)) return;
    auto& lines = gathered.lines;
    append_line(lines, severity, text);
    if (gathered.on && severity < Severity::error && lines.size() < kMostGathered) return;
    flush_log();
}

Result<LogFormat> parse_log_format(std::string_view word, LogFormat text_format) {
    if (word == "text") return text_format;
    if (word == "json") return LogFormat::json;
    return fail("\"{}\" is not a log format, expected text or json", word);
}

std::string counted(uint64_t count, std::string_view one) {
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

bool LogLimit::allow(std::chrono::steady_clock::time_point now, uint64_t& suppressed) {
    if (now - since_ >= period_) {
        since_ = now;
        used_ = 0;
    }
    if (used_ == burst_) {
        suppressed_++;
        return false;
    }
    used_++;
    suppressed = suppressed_;
    suppressed_ = 0;
    return true;
}

}  // namespace ipref::run
