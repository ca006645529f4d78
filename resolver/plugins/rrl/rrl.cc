// SPDX-License-Identifier: GPL-2.0-or-later
// Response rate limiting: clients whose address may be forged get so many answers a second, so that
// nobody is flooded with answers that he did not ask for.
#include <openssl/rand.h>

#include <algorithm>
#include <atomic>

#include "common/net/private_networks.h"
#include "resolver/plugins/cookie/cookie.h"
#include "resolver/plugins/rrl/rate_table.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct RrlSettings {
    RateSettings rates;
    uint32_t slip = 1;
    std::vector<net::Cidr> exempt{net::private_networks().begin(), net::private_networks().end()};
};

class RrlHandler final : public Handler {
  public:
    RrlHandler(RrlSettings settings, const net::SipKey& key, run::Metrics& metrics)
        : settings_(std::move(settings)), table_(settings_.rates, key) {
        const auto counter = [&](const char* action) {
            return &metrics.counter("coredns_rrl_limited_total",
                                    "Answers that were withheld, by what was sent instead.",
                                    {{"action", action}});
        };
        slipped_ = counter("truncated");
        dropped_ = counter("dropped");
    }

    std::string_view name() const override { return "rrl"; }
    Interest interest() const override { return {.all = true}; }

    Result<void> link(const Chain& chain) override {
        for (const auto& handler : chain.handlers()) {
            if (const auto* judge = dynamic_cast<const CookieJudge*>(handler.get())) judge_ = judge;
        }
        return {};
    }

    Step handle(Query& q) override {
        const auto& client = q.request.client.ip;
        if (!q.request.is_udp() || exempt(client)) return Step::next;
        if (judge_ != nullptr && judge_->vouches(q)) return Step::next;
        const auto now =
            std::chrono::duration_cast<run::Milliseconds>(q.arrived().time_since_epoch());
        if (table_.take(client, static_cast<uint32_t>(now.count()))) return Step::next;
        const uint32_t slip = settings_.slip;
        if (slip == 0 || limited_.fetch_add(1, std::memory_order_relaxed) % slip != 0) {
            dropped_->add();
            return q.dropped();
        }
        slipped_->add();
        q.reply.tc = true;
        return Step::done;
    }

    std::string explain() const override {
        return fmt::format("{} answers a second to one address", settings_.rates.rate);
    }

  private:
    bool exempt(const net::Ip& client) const {
        return std::ranges::any_of(settings_.exempt,
                                   [&](const auto& net) { return net.contains(client); });
    }

    RrlSettings settings_;
    RateTable table_;
    const CookieJudge* judge_ = nullptr;
    std::atomic<uint32_t> limited_ = 0;
    run::Counter* slipped_;
    run::Counter* dropped_;
};

}  // namespace

Result<void> setup_rrl(Setup& setup) {
    auto& d = setup.tokens();
    d.next();
    if (!d.remaining_args().empty()) return d.arg_err();
    RrlSettings settings;
    OptionTable table;
    table.number("rate", settings.rates.rate, 1, 1'000'000, "Answers a second to one address.");
    table.number("burst", settings.rates.burst, 1, 1'000'000, "Answers at once, after silence.");
    table.number("slip", settings.slip, 0, 100, "Every so manieth is truncated, not dropped.");
    table.number("table-size", settings.rates.places, 1024, 16'777'216,
                 "Prefixes that are remembered.");
    table.custom({"exempt", "NETWORK...", "", "Networks that are not limited.",
                  [&](Dispenser& at) -> Result<void> {
                      const auto words = at.remaining_args();
                      if (words.empty()) return at.arg_err();
                      for (const auto& word : words) {
                          const auto ip = net::Ip::parse(word);
                          const auto net =
                              ip ? net::Cidr(*ip, static_cast<unsigned>(ip->size() * 8))
                                 : net::Cidr::parse(word);
                          if (!net) return at.err(net.error().text);
                          settings.exempt.push_back(*net);
                      }
                      return {};
                  }});
    if (auto read = table.read_block(d); !read) return read;
    if (d.next()) return setup.once_error();
    net::SipKey key;
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) {
        return setup.error("the system has no random numbers");
    }
    setup.add(std::make_unique<RrlHandler>(std::move(settings), key, setup.metrics()));
    return {};
}

}  // namespace ipref::resolver
