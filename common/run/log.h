// SPDX-License-Identifier: GPL-2.0-or-later
// One line an event, on standard error (gateway, agent) or standard output (DNS server).
// Thread-safe. A line never holds a raw control character, whatever a packet or file contained.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace ipref::run {

enum class Severity : uint8_t { debug, info, warning, error, fatal };

enum class LogFormat : uint8_t {
    letter,   ///< `I START ipref gateway`
    bracket,  ///< `[INFO] plugin/file: ...`, as the DNS server's users know it
    json,     ///< {"ts":"2026-01-31T12:00:00.000000Z","level":"info","msg":"..."}
};

/// What a debug line is about; the gateway's -debug chooses among them by name.
enum class Topic : uint8_t { hosts, mapper, packets, peers, ticks, count_ };
using Topics = uint32_t;  ///< a bit for each
inline constexpr Topics kAllTopics = ~Topics{0};
constexpr Topics topic_bit(Topic topic) {
    return Topics{1} << static_cast<unsigned>(topic);
}
/// "hosts, mapper, packets, peers, ticks", for usages and errors.
std::string topic_names();
/// Names separated by commas, or "all". Words that are no topic go to `unknown`.
Topics parse_topics(std::string_view list, std::vector<std::string>& unknown);

struct LogOptions {
    LogFormat format = LogFormat::letter;
    Topics debug = 0;          ///< debug lines about these are written; without a topic if any is
    bool time_stamps = false;  ///< text formats begin with date and time
    bool to_stdout = false;
};

/// At any time, from any thread. Before the first call: the defaults above.
void configure_log(const LogOptions& options);
bool log_enabled(Severity severity);
bool log_enabled(Topic topic);
void log_line(Severity severity, std::string_view text);
/// Whether lines of this thread are gathered until flush_log(), so that many cost one system call;
/// errors go out at once, with what was gathered before. See LogGathering in run/log_gathering.h.
void gather_log(bool on);
/// Writes what this thread has gathered.
void flush_log();
/// "text" or "json" to `text_format` or LogFormat::json.
Result<LogFormat> parse_log_format(std::string_view word, LogFormat text_format);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    if (!log_enabled(Severity::debug)) return;
    log_line(Severity::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_debug(Topic topic, fmt::format_string<Args...> format, Args&&... args) {
    if (!log_enabled(topic)) return;
    log_line(Severity::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log_line(Severity::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    log_line(Severity::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log_line(Severity::error, fmt::format(format, std::forward<Args>(args)...));
}

/// "1 host", "3 hosts".
std::string counted(uint64_t count, std::string_view one);

/// For lines about packets and queries: at most `burst` a `period`, and the number left out is
/// told when the next one may pass. One owner, one thread.
class LogLimit {
  public:
    explicit LogLimit(unsigned burst = 10, std::chrono::seconds period = std::chrono::seconds(10))
        : burst_(burst), period_(period) {}
    /// Whether a line may be written now; if so, `suppressed` is how many were left out before.
    bool allow(std::chrono::steady_clock::time_point now, uint64_t& suppressed);

  private:
    unsigned burst_;
    std::chrono::seconds period_;
    std::chrono::steady_clock::time_point since_{};
    unsigned used_ = 0;
    uint64_t suppressed_ = 0;
};

}  // namespace ipref::run
