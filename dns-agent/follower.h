// SPDX-License-Identifier: GPL-2.0-or-later
// Follows one source: lets its servers vote, looks up what the records need, and hands the hosts to
// the publisher.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/run/metrics.h"
#include "dns-agent/damper.h"
#include "dns-agent/lookup_run.h"
#include "dns-agent/publisher.h"
#include "dns-agent/quorum.h"
#include "dns-agent/server_poll.h"

namespace ipref::agent {

class Follower {
  public:
    /// All of them outlive the follower.
    Follower(World& world, Mapper& mapper, run::Metrics& metrics, Source source, Families families,
             Milliseconds interval);
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    /// Polls all servers at once, for the first time.
    void start();
    /// A server says that its zone has changed: all are asked, at once.
    void notified();
    /// The source is given up: asks nobody any more, and has the mapper forget its hosts.
    void retire();
    /// Retired, and the mapper has forgotten.
    bool is_over() const { return publisher_.is_withdrawn(); }
    const Source& source() const { return source_; }
    /// The mapper is connected (again).
    void connected();

  private:
    /// What the mapper is told for its status.
    struct Report {
        std::vector<ServerPoll::Status> servers;
        size_t hosts = 0;
        size_t skipped = 0;
        std::string trouble;
        friend bool operator==(const Report&, const Report&) = default;
    };
    Report report() const;
    void tell();
    void heard();
    void hasten_those_behind();
    void evaluate();
    void no_quorum(const Verdict& verdict);
    void tell_differences(const Verdict& verdict);
    void look_up(std::shared_ptr<const Zone> zone);
    void run_look_ups(Wanted wanted, LookUps before, void (Follower::*then)(LookUps found));
    void looked_up(LookUps found);
    void refresh();
    void refreshed(LookUps found);
    void await_refresh();
    void publish_matches();
    void adopt(std::vector<wire::Host> hosts);
    void settle(std::shared_ptr<const wire::HostSet> set, Milliseconds hold);
    void publish(std::shared_ptr<const wire::HostSet> set);
    void unsettle();
    void nothing_left();
    void warn_some(const std::vector<std::string>& warnings);
    void log(run::Severity severity, const std::string& text);

    World& world_;
    Mapper& mapper_;
    Source source_;
    Families families_;
    Milliseconds interval_;
    Publisher publisher_;
    run::Gauge& hosts_;
    run::Gauge& skipped_;
    std::vector<std::unique_ptr<ServerPoll>> polls_;
    std::unique_ptr<Alarm> later_;    ///< evaluates in a turn of its own
    std::unique_ptr<Alarm> refresh_;  ///< looks up what TTLs or missing answers demand

    std::unique_ptr<LookUpRun> run_;
    std::unique_ptr<LookUpRun> finished_;  ///< destroyed outside its own callback
    std::shared_ptr<const Zone> zone_;     ///< that is or was looked up last
    LookUps found_;
    Milliseconds looked_up_at_{};
    Backoff unanswered_;  ///< look-ups without an answer are made again, ever later
    bool looking_up_ = false;
    bool again_ = false;  ///< evaluate once more when the look-ups are done
    Damper damper_;
    std::unique_ptr<Alarm> settled_;
    std::shared_ptr<const wire::HostSet> unsettled_;  ///< must stay before it is published
    std::optional<Milliseconds> empty_since_;
    std::string told_;       ///< what was last said about the quorum
    std::string empty_;      ///< what was last said about a zone without hosts
    std::string held_back_;  ///< what was last said about a set that must stay first
    size_t skipped_records_ = 0;
    std::optional<Report> reported_;
    bool retired_ = false;
};

}  // namespace ipref::agent
