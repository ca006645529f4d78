// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin dns64: IPv6 addresses for names that have IPv4 addresses only, for clients behind a NAT64
// (RFC 6147).
#include <algorithm>

#include "resolver/plugins/dns64/embed.h"
#include "resolver/server/counters.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kTtlWithoutSoa = 600;  // RFC 6147 section 5.1.7

struct Options {
    net::Cidr prefix = *net::Cidr::parse("64:ff9b::/96");
    bool translate_all = false;
    bool allow_ipv4 = false;
};

/// An IPv4-mapped address counts as none (RFC 6147 section 5.1.4).
bool is_real(const RecordRef& record) {
    static const auto mapped = *net::Cidr::parse("::ffff:0:0/96");
    return record.type == dns::rr::kAaaa && record.rdata.size() == 16 &&
           !mapped.contains(net::Ip(net::Family::v6, record.rdata.data()));
}

class Dns64 final : public Handler {
  public:
    Dns64(const Options& options, run::Metrics& metrics)
        : options_(options),
          translated_(metrics, "coredns_dns64_requests_translated_total",
                      "Counter of DNS requests translated by dns64.", false) {}
    std::string_view name() const override { return "dns64"; }

    Result<void> start(Worker& worker) override {
        translated_.make(worker);
        return {};
    }
    void stop(Worker& worker) override { translated_.drop(worker); }

    Step handle(Query& q) override {
        const auto& request = q.request;
        // A client that validates by itself gets what is signed (RFC 6147 section 3).
        const bool validates = request.cd && request.edns.dnssec_ok;
        const bool ours = request.type == dns::rr::kAaaa && !validates &&
                          (options_.allow_ipv4 || request.client.ip.is_v6());
        return ours ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        const auto& answer = q.reply.answer;
        const bool has_own = std::any_of(answer.begin(), answer.end(), is_real);
        if (q.outcome() != Query::Outcome::answered || q.reply.rcode != dns::rcode::kNoError ||
            (has_own && !options_.translate_all)) {
            return Step::done;
        }
        q.lookup(q.request.name, dns::rr::kA, [this, &q](const LookupResult& result) {
            if (result.answered && result.reply != nullptr) translate(q, *result.reply);
            q.finish();
        });
        return Step::later;
    }

  private:
    void translate(Query& q, const Reply& v4) {
        const auto is_a = [](const RecordRef& record) {
            return record.type == dns::rr::kA && record.rdata.size() == 4;
        };
        if (std::none_of(v4.answer.begin(), v4.answer.end(), is_a)) return;
        const uint32_t most = soa_ttl(q.reply);
        q.reply.answer.clear();
        for (const auto& record : v4.answer) {
            if (!is_a(record)) {
                q.reply.answer.push_back(copied(q, record));
                continue;
            }
            const net::Ip ip(net::Family::v4, record.rdata.data());
            q.add_address(q.reply.answer, q.arena().copy(record.owner), std::min(record.ttl, most),
                          embed(options_.prefix, ip));
        }
        copy_all(q, v4.authority, q.reply.authority);
        copy_all(q, v4.additional, q.reply.additional);
        q.reply.ad = false;
        translated_.add(q);
    }

    static uint32_t soa_ttl(const Reply& reply) {
        for (const auto& record : reply.authority) {
            if (record.type == dns::rr::kSoa) return record.ttl;
        }
        return kTtlWithoutSoa;
    }

    static RecordRef copied(Query& q, const RecordRef& record) {
        return {.owner = q.arena().copy(record.owner),
                .type = record.type,
                .klass = record.klass,
                .ttl = record.ttl,
                .rdata = q.arena().copy(record.rdata)};
    }
    static void copy_all(Query& q, const std::vector<RecordRef>& from, std::vector<RecordRef>& to) {
        to.clear();
        for (const auto& record : from) to.push_back(copied(q, record));
    }

    Options options_;
    QueryCounters translated_;
};

Result<void> take_prefix(Dispenser& d, net::Cidr& to) {
    const auto prefix = net::Cidr::parse(d.val());
    if (!prefix) return d.err(prefix.error().text);
    if (!can_embed(*prefix)) {
        return d.err(
            fmt::format("invalid prefix \"{}\": an IPv6 prefix of 32, 40, 48, 56, 64 or "
                        "96 bits is expected, with bits 64 to 71 zero",
                        d.val()));
    }
    to = *prefix;
    return {};
}

}  // namespace

Result<void> setup_dns64(Setup& setup) {
    auto& d = setup.tokens();
    Options options;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (d.next_arg()) {
            if (auto taken = take_prefix(d, options.prefix); !taken) return taken;
            if (d.next_arg()) return d.arg_err();
        }
        OptionTable table;
        table.custom({"prefix", "PREFIX", options.prefix.str(), "Where IPv4 is reached.",
                      [&](Dispenser& in) -> Result<void> {
                          if (!in.next_arg()) return in.arg_err();
                          return take_prefix(in, options.prefix);
                      }});
        table.flag("translate_all", options.translate_all,
                   "Names that have IPv6 addresses get translated ones instead, too.");
        table.flag("allow_ipv4", options.allow_ipv4,
                   "Queries that come in over IPv4 are answered so, too.");
        if (auto read = table.read_block(d); !read) return read;
    }
    setup.add(std::make_unique<Dns64>(options, setup.metrics()));
    return {};
}

}  // namespace ipref::resolver
