// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/local_zones.h"

#include <fmt/format.h>

#include <optional>

#include "common/dns/axfr.h"
#include "common/dns/random.h"

namespace ipref::agent {

using run::Milliseconds;

namespace {

/// A server in the own network: hosts are looked up at it otherwise, so little patience is enough.
constexpr dns::TransferLimits kLimits{
    .connect = Milliseconds(2'000), .silence = Milliseconds(5'000), .whole = Milliseconds(60'000)};
constexpr Milliseconds kRefusedFor{600'000};

}  // namespace

/// One zone: what is known of it, and who waits for it.
class LocalZones::One {
  public:
    One(run::Loop& loop, const std::vector<net::Endpoint>& servers, const dns::Name& zone)
        : loop_(loop), servers_(servers), zone_(zone), turn_(loop, [this] { begin(); }) {}

    void get(Ask ask, Callback callback) {
        if (ask == Ask::always) refused_.reset();
        waiting_.push_back(std::move(callback));
        if (!busy_) turn_.start(Milliseconds(0));
        busy_ = true;
    }

  private:
    /// What is asked of one server.
    struct Attempt {
        std::unique_ptr<dns::SoaStream> soa;
        std::unique_ptr<dns::AxfrStream> axfr;
        std::unique_ptr<dns::Transfer> serial;
        std::unique_ptr<dns::Transfer> zone;
        std::shared_ptr<LocalZone> made;
    };

    void begin() {
        old_.clear();
        if (servers_.empty()) return answer(fail("no -resolver is given to transfer it from"));
        if (refused_ && loop_.now() < refused_until_) return answer(*refused_);
        next_ = 0;
        failures_.clear();
        ask_next();
    }
    const net::Endpoint& server() const { return servers_[next_ - 1]; }

    void ask_next() {
        if (next_ == servers_.size()) {
            refused_ = fail("{} cannot be transferred: {}", zone_.str(), failures_);
            refused_until_ = loop_.now() + kRefusedFor;
            have_.reset();
            return answer(*refused_);
        }
        next_++;
        old_.push_back(std::move(attempt_));  // it may be what calls
        attempt_ = {};
        attempt_.soa = std::make_unique<dns::SoaStream>(zone_, dns::random_id());
        attempt_.serial = std::make_unique<dns::Transfer>(
            loop_, server(), *attempt_.soa, attempt_.soa->query(), kLimits,
            [this](const dns::TransferStep& end) { serial(end); });
    }

    void serial(const dns::TransferStep& end) {
        if (!end) return failed(end.error());
        if (have_ && have_->serial == attempt_.soa->serial()) return answer(have_);
        attempt_.made = std::make_shared<LocalZone>(zone_);
        attempt_.axfr = std::make_unique<dns::AxfrStream>(
            zone_, dns::random_id(),
            dns::AxfrStream::Takers{
                .record = [made = attempt_.made](
                              const auto& reader,
                              const auto& view) { return made->add(reader, view); },
                .skipped = nullptr});
        attempt_.zone = std::make_unique<dns::Transfer>(
            loop_, server(), *attempt_.axfr, attempt_.axfr->query(), kLimits,
            [this](const dns::TransferStep& done) { transferred(done); });
    }

    void transferred(const dns::TransferStep& end) {
        if (!end) return failed(end.error());
        attempt_.made->serial = attempt_.axfr->serial();
        have_ = std::move(attempt_.made);
        answer(have_);
    }

    void failed(const dns::TransferError& error) {
        failures_ +=
            fmt::format("{}{}: {}", failures_.empty() ? "" : "; ", server().str(), error.text);
        ask_next();
    }

    void answer(const Answer& answer) {
        busy_ = false;
        if (answer) refused_.reset();
        const auto waiting = std::move(waiting_);
        waiting_.clear();
        for (const auto& one : waiting) one(answer);
    }

    run::Loop& loop_;
    const std::vector<net::Endpoint>& servers_;
    dns::Name zone_;
    run::Timer turn_;
    std::vector<Callback> waiting_;
    bool busy_ = false;
    size_t next_ = 0;
    Attempt attempt_;
    std::vector<Attempt> old_;
    std::string failures_;
    std::shared_ptr<const LocalZone> have_;
    std::optional<Answer> refused_;
    Milliseconds refused_until_{};
};

LocalZones::LocalZones(run::Loop& loop, std::vector<net::Endpoint> servers)
    : loop_(loop), servers_(std::move(servers)) {}

LocalZones::~LocalZones() = default;

void LocalZones::get(const dns::Name& zone, Ask ask, Callback callback) {
    auto& one = zones_[zone];
    if (!one) one = std::make_unique<One>(loop_, servers_, zone);
    one->get(ask, std::move(callback));
}

}  // namespace ipref::agent
