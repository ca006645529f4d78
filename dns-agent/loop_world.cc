// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/loop_world.h"

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

LoopWorld::LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver)
    : loop_(loop), resolver_(std::move(resolver)), reap_(loop, [this] {
          transfers_.remove_if([](const auto& one) { return one->finished(); });
      }) {}

LoopWorld::~LoopWorld() = default;

double LoopWorld::chance() {
    return static_cast<double>(chance_()) /
           (static_cast<double>(std::numeric_limits<std::random_device::result_type>::max()) + 1);
}

std::unique_ptr<Alarm> LoopWorld::alarm(std::function<void()> callback) {
    return std::make_unique<LoopAlarm>(loop_, std::move(callback));
}

void LoopWorld::begin(const net::Endpoint& server, const dns::Name& zone,
                      TransferCallback callback) {
    transfers_.push_back(std::make_unique<Transfer>(
        loop_, server, zone, static_cast<uint16_t>(chance_()), TransferTimes{},
        [this, callback = std::move(callback)](TransferResult result) {
            reap_.start(Milliseconds(0));
            callback(std::move(result));
        }));
}

void LoopWorld::find_server(const dns::Name& host, uint16_t port, uint16_t type,
                            const dns::Name& zone, TransferCallback callback) {
    resolver_->query(
        host, type,
        [=, this, callback = std::move(callback)](const Result<dns::Answer>& answer) mutable {
            if (answer && !answer->ips().empty()) {
                return begin({answer->ips().front(), port}, zone, std::move(callback));
            }
            if (type == dns::rr::kA) {
                return find_server(host, port, dns::rr::kAaaa, zone, std::move(callback));
            }
            const auto why = answer ? "it has no address" : answer.error().text;
            callback(tl::unexpected(TransferError{false, fmt::format("{}: {}", host.str(), why)}));
        });
}

void LoopWorld::transfer(const Server& server, const dns::Name& zone, TransferCallback callback) {
    if (const auto ip = net::Ip::parse(server.host)) {
        return begin({*ip, server.port}, zone, std::move(callback));
    }
    find_server(dns::Name::parse(server.host).value(), server.port, dns::rr::kA, zone,
                std::move(callback));
}

void LoopWorld::look_up(const dns::Name& name, uint16_t type,
                        std::function<void(Result<dns::Answer>)> callback) {
    resolver_->query(name, type, std::move(callback));
}

void LoopWorld::log(run::Severity severity, const std::string& text) {
    if (run::log_enabled(severity)) run::log_line(severity, text);
}

}  // namespace ipref::agent
