// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace ipref::run {

namespace {

/// Backslash and newline, and in label values the quote, are escaped (exposition format 0.0.4).
std::string escaped(std::string_view text, bool quote) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quote) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
    return out;
}

std::string number(double value) {
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    if (std::isnan(value)) return "NaN";
    if (value == std::floor(value) && std::fabs(value) < 1e15) {
        return fmt::format("{}", static_cast<int64_t>(value));
    }
    return fmt::format("{}", value);
}

}  // namespace

std::string label_text(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value, true));
    }
    return out;
}

void write_family(std::string& out, std::string_view name, std::string_view help,
                  std::string_view kind) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(help, false), name, kind);
}

void write_value(std::string& out, std::string_view name, const std::string& labels, double value) {
    const auto braces = labels.empty() ? "" : fmt::format("{{{}}}", labels);
    out += fmt::format("{}{} {}\n", name, braces, number(value));
}

void write_histogram(std::string& out, std::string_view name, const std::string& labels,
                     const std::vector<double>& bounds, const std::vector<uint64_t>& counts,
                     double sum) {
    const auto* const comma = labels.empty() ? "" : ",";
    uint64_t below = 0;
    for (size_t i = 0; i <= bounds.size(); i++) {
        below += counts[i];
        out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                           i < bounds.size() ? number(bounds[i]) : "+Inf", below);
    }
    write_value(out, fmt::format("{}_sum", name), labels, sum);
    write_value(out, fmt::format("{}_count", name), labels, static_cast<double>(below));
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
    if (bounds_.empty() || !std::is_sorted(bounds_.begin(), bounds_.end())) std::abort();
}

void Histogram::observe(double value) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    const auto index = static_cast<size_t>(at - bounds_.begin());
    counts_[index].fetch_add(1, std::memory_order_relaxed);
    double sum = sum_.load(std::memory_order_relaxed);
    while (!sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
    }
}

uint64_t Histogram::cumulative(size_t index) const {
    uint64_t total = 0;
    for (size_t i = 0; i <= index; i++) total += counts_[i].load(std::memory_order_relaxed);
    return total;
}

std::vector<double> request_seconds() {
    std::vector<double> bounds{0.00025};
    while (bounds.back() < 5) bounds.push_back(2 * bounds.back());
    return bounds;
}

Metrics::Sample& Metrics::sample(Kind kind, std::string_view name, std::string_view help,
                                 const Labels& labels) {
    auto at = families_.find(name);
    if (at == families_.end()) {
        at = families_.emplace(name, FamilyOf{kind, std::string(help), {}}).first;
    }
    if (at->second.kind != kind) std::abort();
    auto text = label_text(labels);
    for (auto& known : at->second.samples) {
        if (known.labels == text) return known;
    }
    auto& made = at->second.samples.emplace_back();
    made.labels = std::move(text);
    return made;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& made = sample(Kind::counter, name, help, labels);
    if (made.counter == nullptr) made.counter = std::make_unique<Counter>();
    return *made.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& made = sample(Kind::gauge, name, help, labels);
    if (made.gauge == nullptr) made.gauge = std::make_unique<Gauge>();
    return *made.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              const std::vector<double>& bounds, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& made = sample(Kind::histogram, name, help, labels);
    if (made.histogram == nullptr) made.histogram = std::make_unique<Histogram>(bounds);
    return *made.histogram;
}

void Metrics::counter_from(std::string_view name, std::string_view help, const Labels& labels,
                           Read read) {
    const std::lock_guard lock(mutex_);
    sample(Kind::counter, name, help, labels).read = std::move(read);
}

void Metrics::gauge_from(std::string_view name, std::string_view help, const Labels& labels,
                         Read read) {
    const std::lock_guard lock(mutex_);
    sample(Kind::gauge, name, help, labels).read = std::move(read);
}

void Metrics::write(std::string& out, const std::string& name, const Sample& sample) {
    const auto braces = sample.labels.empty() ? "" : fmt::format("{{{}}}", sample.labels);
    if (sample.histogram == nullptr) {
        std::string value = "0";
        if (sample.read) {
            value = number(sample.read());
        } else if (sample.counter != nullptr) {
            value = fmt::format("{}", sample.counter->value());
        } else if (sample.gauge != nullptr) {
            value = number(sample.gauge->value());
        }
        out += fmt::format("{}{} {}\n", name, braces, value);
        return;
    }
    const auto& histogram = *sample.histogram;
    const auto& bounds = histogram.bounds();
    const auto comma = sample.labels.empty() ? "" : ",";
    for (size_t i = 0; i <= bounds.size(); i++) {
        const auto bound = i < bounds.size() ? number(bounds[i]) : "+Inf";
        out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, sample.labels, comma, bound,
                           histogram.cumulative(i));
    }
    out += fmt::format("{}_sum{} {}\n", name, braces, number(histogram.sum()));
    out += fmt::format("{}_count{} {}\n", name, braces, histogram.cumulative(bounds.size()));
}

std::string Metrics::text() const {
    static constexpr const char* kinds[] = {"counter", "gauge", "histogram"};
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
        write_family(out, name, family.help, kinds[static_cast<size_t>(family.kind)]);
        for (const auto& each : family.samples) write(out, name, each);
    }
    for (const auto& collector : collectors_) collector->write(out);
    return out;
}

}  // namespace ipref::run
