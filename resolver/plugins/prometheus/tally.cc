// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/prometheus/tally.h"

#include <algorithm>

#include "resolver/server/encode.h"

namespace ipref::resolver {

namespace {

const std::vector<double> kSeconds = run::request_seconds();
const std::vector<double> kSizes = {0,    100,  200,  300,   400,   511,   1023,
                                    2047, 4095, 8291, 16000, 32000, 48000, 64000};

struct TypeLabel {
    uint16_t type;
    std::string_view label;
};
constexpr TypeLabel kLabels[] = {
    {1, "A"},       {28, "AAAA"},  {15, "MX"},    {6, "SOA"},    {5, "CNAME"},
    {12, "PTR"},    {16, "TXT"},   {2, "NS"},     {33, "SRV"},   {43, "DS"},
    {48, "DNSKEY"}, {46, "RRSIG"}, {47, "NSEC"},  {50, "NSEC3"}, {65, "HTTPS"},
    {64, "SVCB"},   {251, "IXFR"}, {252, "AXFR"}, {255, "ANY"},
};

/// Index behind kLabels of each type below 256; types above have none.
constexpr auto kIndex = [] {
    std::array<uint8_t, 256> out{};
    for (auto& index : out) index = std::size(kLabels);
    for (size_t i = 0; i < std::size(kLabels); i++) {
        out[kLabels[i].type] = static_cast<uint8_t>(i);
    }
    return out;
}();
static_assert(std::size(kLabels) + 1 == Series::kTypes);

struct Distribution {
    std::vector<uint64_t> counts;
    double sum = 0;
    void add(const Spread& spread) { spread.add_to(counts, sum); }
};

const char* const kProtos[] = {"udp", "tcp"};
const char* const kFamilies[] = {"1", "2"};

}  // namespace

void Spread::observe(double value) {
    const auto at = std::lower_bound(bounds_->begin(), bounds_->end(), value);
    counts_[static_cast<size_t>(at - bounds_->begin())].add();
    sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

void Spread::add_to(std::vector<uint64_t>& counts, double& sum) const {
    counts.resize(bounds_->size() + 1);
    for (size_t i = 0; i < counts.size(); i++) counts[i] += counts_[i].value();
    sum += sum_.load(std::memory_order_relaxed);
}

Series::Series()
    : seconds_(kSeconds),
      request_size_{Spread(kSizes), Spread(kSizes)},
      response_size_{Spread(kSizes), Spread(kSizes)} {}

std::string_view Series::type_label(size_t index) {
    return index < std::size(kLabels) ? kLabels[index].label : "other";
}

size_t Series::type_index(uint16_t type) {
    return type < kIndex.size() ? kIndex[type] : std::size(kLabels);
}

void Series::count(const Query& q, double seconds) {
    const auto& request = q.request;
    const size_t proto = request.is_udp() ? 0 : 1;
    const size_t family = request.client.ip.is_v6() ? 1 : 0;
    requests_[proto][family][type_index(request.type)].add();
    if (request.edns.present && request.edns.dnssec_ok) dnssec_ok_.add();
    seconds_.observe(seconds);
    request_size_[proto].observe(static_cast<double>(request.wire.size()));
    const bool sent = q.outcome() != Query::Outcome::dropped;
    const size_t size = sent ? reply_size(request, q.reply) : 0;
    response_size_[proto].observe(static_cast<double>(size));
    const bool answered = q.outcome() == Query::Outcome::answered;
    response(q.reply.rcode, answered ? q.reply.plugin : std::string_view()).add();
}

run::WorkerCounter& Series::response(uint16_t rcode, std::string_view plugin) {
    const Response wanted(rcode, plugin);
    for (auto& [response, counter] : responses_) {
        if (response == wanted) return counter;
    }
    const std::lock_guard lock(growing_);
    return responses_
        .emplace_back(std::piecewise_construct, std::forward_as_tuple(wanted), std::tuple<>())
        .second;
}

struct Series::Sums {
    std::array<std::array<std::array<uint64_t, kTypes>, 2>, 2> requests{};
    uint64_t dnssec_ok = 0;
    Distribution seconds;
    std::array<Distribution, 2> request_size, response_size;
    std::map<std::pair<std::string, std::string>, uint64_t> responses;
};

void Series::add_to(Sums& sums) const {
    for (size_t proto = 0; proto < 2; proto++) {
        for (size_t family = 0; family < 2; family++) {
            for (size_t type = 0; type < kTypes; type++) {
                sums.requests[proto][family][type] += requests_[proto][family][type].value();
            }
        }
        sums.request_size[proto].add(request_size_[proto]);
        sums.response_size[proto].add(response_size_[proto]);
    }
    sums.dnssec_ok += dnssec_ok_.value();
    sums.seconds.add(seconds_);
    const std::lock_guard lock(growing_);
    for (const auto& [response, counter] : responses_) {
        const auto& [rcode, plugin] = response;
        sums.responses[{dns::rcode_text(rcode), std::string(plugin)}] += counter.value();
    }
}

Series& Tally::of(const Key& key, unsigned worker) {
    const std::lock_guard lock(mutex_);
    return series_[key][worker];
}

namespace {

using AllSums = std::vector<std::pair<run::Labels, Series::Sums>>;

run::Labels with(run::Labels labels,
                 std::initializer_list<std::pair<std::string, std::string>> more) {
    labels.insert(labels.end(), more);
    return labels;
}

void write_requests(std::string& out, const AllSums& all) {
    const char* const name = "coredns_dns_requests_total";
    run::write_family(out, name, "Counter of DNS requests made per zone, protocol and family.",
                      "counter");
    for (const auto& [labels, sums] : all) {
        for (size_t i = 0; i < 4 * Series::kTypes; i++) {
            const size_t proto = i / (2 * Series::kTypes);
            const size_t family = i / Series::kTypes % 2;
            const size_t type = i % Series::kTypes;
            const uint64_t count = sums.requests[proto][family][type];
            if (count == 0) continue;
            const auto text =
                run::label_text(with(labels, {{"proto", kProtos[proto]},
                                              {"family", kFamilies[family]},
                                              {"type", std::string(Series::type_label(type))}}));
            run::write_value(out, name, text, static_cast<double>(count));
        }
    }
}

void write_sizes(std::string& out, const AllSums& all, std::string_view name, std::string_view help,
                 std::array<Distribution, 2> Series::Sums::*sizes) {
    run::write_family(out, name, help, "histogram");
    for (const auto& [labels, sums] : all) {
        for (size_t proto = 0; proto < 2; proto++) {
            const auto& of = (sums.*sizes)[proto];
            if (std::all_of(of.counts.begin(), of.counts.end(), [](auto n) { return n == 0; })) {
                continue;
            }
            run::write_histogram(out, name,
                                 run::label_text(with(labels, {{"proto", kProtos[proto]}})), kSizes,
                                 of.counts, of.sum);
        }
    }
}

void write_rest(std::string& out, const AllSums& all) {
    const char* const seconds = "coredns_dns_request_duration_seconds";
    run::write_family(out, seconds,
                      "Histogram of the time (in seconds) each request took per zone.",
                      "histogram");
    for (const auto& [labels, sums] : all) {
        run::write_histogram(out, seconds, run::label_text(labels), kSeconds, sums.seconds.counts,
                             sums.seconds.sum);
    }
    const char* const dnssec = "coredns_dns_do_requests_total";
    run::write_family(out, dnssec, "Counter of DNS requests with DO bit set per zone.", "counter");
    for (const auto& [labels, sums] : all) {
        run::write_value(out, dnssec, run::label_text(labels), static_cast<double>(sums.dnssec_ok));
    }
    const char* const responses = "coredns_dns_responses_total";
    run::write_family(out, responses, "Counter of response status codes.", "counter");
    for (const auto& [labels, sums] : all) {
        for (const auto& [response, count] : sums.responses) {
            const auto text = run::label_text(
                with(labels, {{"rcode", response.first}, {"plugin", response.second}}));
            run::write_value(out, responses, text, static_cast<double>(count));
        }
    }
}

}  // namespace

void Tally::write(std::string& out) const {
    AllSums all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, workers] : series_) {
            auto& [labels, sums] = all.emplace_back();
            labels = {{"server", key.server}, {"zone", key.zone}, {"view", key.view}};
            for (const auto& [worker, series] : workers) series.add_to(sums);
        }
    }
    write_requests(out, all);
    write_sizes(out, all, "coredns_dns_request_size_bytes",
                "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
                &Series::Sums::request_size);
    write_sizes(out, all, "coredns_dns_response_size_bytes",
                "Size of the returned response in bytes.", &Series::Sums::response_size);
    write_rest(out, all);
}

}  // namespace ipref::resolver
