// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/loop_world.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace ipref::agent {

namespace {

class LoopAlarm : public Alarm {
  public:
    LoopAlarm(run::Loop& loop, std::function<void()> callback)
        : timer_(loop, std::move(callback)) {}
    void start(Milliseconds after) override { timer_.start(after); }
    void stop() override { timer_.stop(); }
    bool active() const override { return timer_.active(); }

  private:
    run::Timer timer_;
};

}  // namespace

LoopWorld::LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver,
                     std::optional<dns::TsigKey> key, const dns::TransferLimits& limits)
    : loop_(loop),
      resolver_(std::move(resolver)),
      key_(std::move(key)),
      limits_(limits),
      reap_(loop, [this] { fetches_.remove_if([](const auto& one) { return one->finished(); }); }) {
}

LoopWorld::~LoopWorld() = default;

double LoopWorld::chance() {
    return static_cast<double>(chance_()) /
           (static_cast<double>(std::numeric_limits<std::random_device::result_type>::max()) + 1);
}

std::unique_ptr<Alarm> LoopWorld::alarm(std::function<void()> callback) {
    return std::make_unique<LoopAlarm>(loop_, std::move(callback));
}

int64_t LoopWorld::unix_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// One fetch from a server, whose addresses are tried in turn while they do not answer.
struct LoopWorld::Attempt {
    Server server;
    dns::Name zone;
    std::shared_ptr<const Zone> have;
    FetchCallback callback;
    Addresses addresses;
    size_t next = 0;
};

void LoopWorld::fetch(const Server& server, const Source& source, std::shared_ptr<const Zone> have,
                      FetchCallback callback) {
    auto attempt = std::make_shared<Attempt>(
        Attempt{server, source.public_zone, std::move(have), std::move(callback), {}, 0});
    if (const auto ip = net::Ip::parse(server.host)) {
        attempt->addresses = {*ip};
        return next_address(std::move(attempt));
    }
    find_addresses(std::move(attempt), dns::rr::kA);
}

void LoopWorld::find_addresses(std::shared_ptr<Attempt> attempt, uint16_t type) {
    resolver_->query(dns::Name::parse(attempt->server.host).value(), type,
                     [this, attempt, type](const Result<dns::Answer>& answer) {
                         auto& found = attempt->addresses;
                         if (answer) {
                             const auto ips = answer->ips();
                             found.insert(found.end(), ips.begin(), ips.end());
                         }
                         if (type == dns::rr::kA) return find_addresses(attempt, dns::rr::kAaaa);
                         if (!found.empty()) {
                             addresses_[attempt->server.host] = found;
                             return next_address(attempt);
                         }
                         const auto why = answer ? "it has no address" : answer.error().text;
                         attempt->callback(tl::unexpected(TransferError{
                             false, fmt::format("{}: {}", attempt->server.host, why), false}));
                     });
}

void LoopWorld::next_address(std::shared_ptr<Attempt> attempt) {
    const net::Endpoint at{attempt->addresses[attempt->next++], attempt->server.port};
    ZoneFetch::Target target{.server = at,
                             .zone = attempt->zone,
                             .have = attempt->have,
                             .key = key_ ? &*key_ : nullptr,
                             .limits = limits_};
    fetches_.push_back(
        std::make_unique<ZoneFetch>(loop_, std::move(target), [this, attempt](FetchResult result) {
            reap_.start(Milliseconds(0));
            const bool silent = !result && !result.error().answered && !result.error().gone;
            if (silent && attempt->next < attempt->addresses.size()) return next_address(attempt);
            attempt->callback(std::move(result));
        }));
}

bool LoopWorld::is_address_of(const Server& server, const net::Ip& ip) const {
    if (const auto literal = net::Ip::parse(server.host)) return *literal == ip;
    const auto found = addresses_.find(server.host);
    return found != addresses_.end() &&
           std::find(found->second.begin(), found->second.end(), ip) != found->second.end();
}

void LoopWorld::look_up(const dns::Name& name, uint16_t type,
                        std::function<void(Result<dns::Answer>)> callback) {
    resolver_->query(name, type, std::move(callback));
}

void LoopWorld::log(run::Severity severity, const std::string& text) {
    if (run::log_enabled(severity)) run::log_line(severity, text);
}

}  // namespace ipref::agent
