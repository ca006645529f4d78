// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "common/run/json.h"

namespace ipref::run {

namespace {

struct State {
    std::mutex mutex;  // guards logger and format, which only configure_log changes
    std::shared_ptr<spdlog::logger> logger;
    LogFormat format = LogFormat::letter;
    std::atomic<Topics> debug = 0;
};

State& state() {
    static State* const the_state = new State;  // never destroyed: threads may log at exit
    return *the_state;
}

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

std::string clean(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::string now_rfc3339() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    const time_t seconds = static_cast<time_t>(micros / 1000000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:06}Z", text, micros % 1000000);
}

}  // namespace

void configure_log(const LogOptions& options) {
    auto& s = state();
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (options.to_stdout) {
        sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    } else {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    auto logger = std::make_shared<spdlog::logger>("ipref", sink);
    const bool stamps = options.time_stamps && options.format != LogFormat::json;
    logger->set_pattern(stamps ? "%Y-%m-%d %H:%M:%S.%e %v" : "%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    const std::lock_guard lock(s.mutex);
    s.logger = std::move(logger);
    s.format = options.format;
    s.debug = options.debug;
}

bool log_enabled(Severity severity) {
    return severity != Severity::debug || state().debug.load(std::memory_order_relaxed) != 0;
}

bool log_enabled(Topic topic) {
    return (state().debug.load(std::memory_order_relaxed) & topic_bit(topic)) != 0;
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
    auto& s = state();
    std::unique_lock lock(s.mutex);
    if (s.logger == nullptr) {
        lock.unlock();
        configure_log({});
        lock.lock();
    }
    const auto logger = s.logger;
    const auto format = s.format;
    lock.unlock();
    if (format == LogFormat::json) {
        logger->info("{{\"ts\":\"{}\",\"level\":\"{}\",\"msg\":{}}}", now_rfc3339(),
                     json_level(severity), quoted_json(text));
    } else {
        logger->info("{}{}", prefix(format, severity), clean(text));
    }
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
