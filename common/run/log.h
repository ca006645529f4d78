// SPDX-License-Identifier: GPL-2.0-or-later
// One line an event, on standard error (gateway, agent) or standard output (DNS server).
// Thread-safe. A line never holds a raw control character, whatever a packet or file contained.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace ipref::run {

enum class Severity : uint8_t { debug, info, warning, error, fatal };

enum class LogFormat : uint8_t {
    letter,   ///< `I START ipref gateway`
    bracket,  ///< `[INFO] plugin/file: ...`, as the DNS server's users know it
    json,     ///< {"ts":"2026-01-31T12:00:00.000000Z","level":"info","msg":"..."}
};

struct LogOptions {
    LogFormat format = LogFormat::letter;
    bool debug = false;        ///< debug lines are written
    bool time_stamps = false;  ///< text formats begin with date and time
    bool to_stdout = false;
};

/// Before threads are started; may be called again.
void configure_log(const LogOptions& options);
bool log_enabled(Severity severity);
void log_line(Severity severity, std::string_view text);
/// "text" or "json" to `text_format` or LogFormat::json.
Result<LogFormat> parse_log_format(std::string_view word, LogFormat text_format);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    if (!log_enabled(Severity::debug)) return;
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
