// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/tally.h"

namespace ipref::resolver::aa {

namespace {

const std::vector<double>& bounds() {
    static const auto made = run::request_seconds();
    return made;
}

}  // namespace

Answers::Answers() : seconds_(bounds()) {}

void Answers::count(bool answered, double seconds) {
    (answered ? noerror_ : servfail_).add();
    seconds_.observe(seconds);
}

Answers& Tally::of(const std::string& server, unsigned worker) {
    const std::lock_guard lock(mutex_);
    return answers_[server][worker];
}

void Tally::write(std::string& out) const {
    const std::lock_guard lock(mutex_);
    const char* const duration = "coredns_ipref_request_duration_seconds";
    run::write_family(out, duration, "Time that queries took that plugin ipref answered.",
                      "histogram");
    for (const auto& [server, workers] : answers_) {
        std::vector<uint64_t> counts;
        double sum = 0;
        for (const auto& [index, one] : workers) one.seconds_.add_to(counts, sum);
        run::write_histogram(out, duration, run::label_text({{"server", server}}), bounds(), counts,
                             sum);
    }
    const char* const rcodes = "coredns_ipref_response_rcode_count_total";
    run::write_family(out, rcodes, "Answers of plugin ipref, by rcode.", "counter");
    for (const auto& [server, workers] : answers_) {
        uint64_t noerror = 0;
        uint64_t servfail = 0;
        for (const auto& [index, one] : workers) {
            noerror += one.noerror_.value();
            servfail += one.servfail_.value();
        }
        const auto write = [&, &named = server](const char* rcode, uint64_t count) {
            run::write_value(out, rcodes, run::label_text({{"server", named}, {"rcode", rcode}}),
                             static_cast<double>(count));
        };
        write("NOERROR", noerror);
        write("SERVFAIL", servfail);
    }
}

}  // namespace ipref::resolver::aa
