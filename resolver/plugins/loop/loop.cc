// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin loop: finds out whether what this server forwards comes back to it. For a while after the
// start it asks itself for a name of 128 random bits; if that question comes in a second time, the
// servers behind have sent it back, and every query of a client would go round like that.
//
// Nobody can end the process by asking (CVE-2026-26018): the name comes from the kernel's
// generator, another one for each probe, and counts only while that probe waits for its answer.
#include "resolver/plugins/loop/loop.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

#include "common/dns/query.h"
#include "common/dns/random.h"
#include "common/dns/upstream.h"
#include "common/run/log.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace loop {

namespace {

void end_process(const std::string& text) {
    run::log_line(run::Severity::fatal, text);
    std::_Exit(1);
}

std::atomic<Found> found = end_process;

}  // namespace

Found on_found(Found other) {
    return found.exchange(other);
}

}  // namespace loop

namespace {

constexpr run::Milliseconds kFirst(100);    // the listeners are open by then
constexpr run::Milliseconds kAgain(2'000);  // after a probe that was not answered
constexpr run::Milliseconds kPatience(5'000);
constexpr unsigned kProbes = 6;

std::string random_label() {
    uint64_t value = 0;
    for (int i = 0; i < 4; i++) value = value << 16 | dns::random_id();
    return fmt::format("{}", value);
}

class Loop final : public Handler {
  public:
    Loop(Name zone, net::Endpoint listener) : zone_(zone), listener_(listener) {}

    std::string_view name() const override { return "loop"; }

    Result<void> start(Worker& worker) override {
        if (worker.index() != 0) return {};
        prober_ = std::make_unique<Prober>(worker.loop(), listener_, [this] { probe(); });
        prober_->timer.start(kFirst);
        return {};
    }
    void stop(Worker& worker) override {
        if (worker.index() == 0) prober_.reset();
    }

    Step handle(Query& q) override {
        if (q.request.type == dns::rr::kHinfo) look_at(q);
        return Step::next;
    }

  private:
    struct Prober {
        Prober(run::Loop& run_loop, const net::Endpoint& at, std::function<void()> on_time)
            : upstream(run_loop, at), timer(run_loop, std::move(on_time)) {}
        dns::Upstream upstream;
        run::Timer timer;
        unsigned left = kProbes;
    };

    void look_at(const Query& q) {
        std::string text;
        {
            const std::lock_guard lock(mutex_);
            if (!asked_ || *asked_ != q.request.lower || ++seen_ < 2) return;
            text = fmt::format(
                "plugin/loop: Loop ({} -> {}) detected for zone \"{}\": what is forwarded comes "
                "back to this server; let \"forward\" name another one (it may be that "
                "/etc/resolv.conf names this server). Query: \"HINFO {}\"",
                q.request.client.str(), listener_.str(), zone_.str(), asked_->str());
            asked_.reset();
        }
        loop::found.load()(text);
    }

    void probe() {
        const auto labels = random_label() + "." + random_label() + ".";
        const auto name = Name::parse(labels + (zone_.is_root() ? "" : zone_.str()));
        if (!name) return;  // the zone's name leaves no room
        {
            const std::lock_guard lock(mutex_);
            asked_ = *name;
            seen_ = 0;
        }
        const auto query =
            dns::make_query({*name, dns::rr::kHinfo, dns::klass::kIn}, {.edns = false});
        prober_->upstream.ask(query, dns::Via::udp, kPatience,
                              [this](const dns::Upstream::Outcome& outcome) {
                                  {
                                      const std::lock_guard lock(mutex_);
                                      asked_.reset();
                                  }
                                  if (!outcome && --prober_->left > 0) {
                                      prober_->timer.start(kAgain);
                                  }
                              });
    }

    const Name zone_;
    const net::Endpoint listener_;
    std::unique_ptr<Prober> prober_;  // on the first worker
    std::mutex mutex_;
    std::optional<Name> asked_;  // lower case; none: no probe is on its way
    unsigned seen_ = 0;
};

/// Where this server can be asked; nothing if the block has no plain listener.
std::optional<net::Endpoint> own_listener(Setup& setup, const ZoneKey& key) {
    if (key.transport != "dns") return {};
    const auto& bind = setup.settings().bind;
    const auto ip =
        bind.empty() || bind.front().is_zero() ? *net::Ip::parse("127.0.0.1") : bind.front();
    return net::Endpoint{ip, key.port};
}

}  // namespace

Result<void> setup_loop(Setup& setup) {
    auto& d = setup.tokens();
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (d.next_on_line()) return d.arg_err();
    }
    const auto& key = setup.keys().front();
    const auto listener = own_listener(setup, key);
    if (!listener) {
        setup.warn("it probes over plain DNS only; this block is not probed");
        return {};
    }
    setup.add(std::make_unique<Loop>(key.zone, *listener));
    return {};
}

}  // namespace ipref::resolver
