// SPDX-License-Identifier: GPL-2.0-or-later
// Polls one server of a source: at its own random time about once an interval, at once when told,
// with back-off after a failure. Keeps what it gave last, its vote.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/run/metrics.h"
#include "dns-agent/pace.h"
#include "dns-agent/world.h"

namespace ipref::agent {

class ServerPoll {
  public:
    /// What an operator wants to know; times of the world's clock.
    struct Status {
        std::string server;
        std::optional<uint32_t> serial;
        std::optional<Milliseconds> last_success;
        std::optional<Milliseconds> next;  ///< nothing while it is being asked
        std::string last_error;            ///< empty after a success
        std::string unanswered;            ///< of a success: which names had no answer
        friend bool operator==(const Status&, const Status&) = default;
    };

    /// `heard` is called after each poll, good or bad. References outlive the poll.
    ServerPoll(World& world, run::Metrics& metrics, const Source& source, Server server,
               Milliseconds interval, std::function<void()> heard);
    ~ServerPoll();
    ServerPoll(const ServerPoll&) = delete;
    ServerPoll& operator=(const ServerPoll&) = delete;

    /// Notified or started: at once, but for many in a row once a second.
    void now();
    /// It is behind another server: asked again after 5 s, then ever later.
    void hasten();

    const Server& server() const { return server_; }
    /// Its vote: nullptr if it gave none, or failed last.
    const std::shared_ptr<const Zone>& zone() const { return zone_; }
    /// It answered or failed, ever.
    bool heard() const { return heard_once_; }
    Status status() const;

  private:
    /// Of polls, however many NOTIFY come.
    static constexpr Milliseconds kApart{1000};
    static constexpr int kBurst = 5;

    void begin();
    void ended(FetchResult result);
    void succeeded(const Fetched& fetched);
    void tell_note(const Fetched& fetched);
    void failed(const TransferError& error);
    void take(std::shared_ptr<const Zone> zone, Milliseconds next);
    void wait(Milliseconds time);
    Milliseconds next_poll();
    void count(const char* result);
    void log(run::Severity severity, const std::string& text);

    World& world_;
    run::Metrics& metrics_;
    const Source& source_;
    Server server_;
    Milliseconds interval_;
    std::function<void()> heard_;
    run::Gauge& serial_gauge_;
    run::Gauge& success_gauge_;
    run::Gauge& records_gauge_;
    run::Gauge& unanswered_gauge_;
    std::unique_ptr<Alarm> alarm_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();

    Backoff backoff_;
    Backoff hasten_;
    std::shared_ptr<const Zone> zone_;  ///< its vote
    Known known_;                       ///< survives failures
    bool heard_once_ = false;
    bool busy_ = false;
    bool again_ = false;
    Pace pace_{kApart, kBurst};
    std::optional<Milliseconds> last_success_;
    Milliseconds next_{};
    std::string last_error_;
    std::string unanswered_;  ///< as it was told last
};

}  // namespace ipref::agent
