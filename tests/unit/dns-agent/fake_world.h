// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's outside for tests: a clock that the test owns, servers, names and a mapper in memory.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dns-agent/world.h"
#include "unit/dns-agent/dns_messages.h"

namespace ipref::test {

using agent::Milliseconds;

class FakeWorld : public agent::World {
  public:
    /// What transfers from a server ("192.0.2.1:53") give; without one: a failure. One with the
    /// serial that the agent has is unchanged.
    std::map<std::string, tl::expected<agent::Zone, agent::TransferError>> servers;
    std::map<std::string, int> transfers;                 ///< how many were made
    std::map<std::string, std::string> unanswered_names;  ///< what a server's polls note
    /// Addresses of names; a name that is not there does not exist.
    std::map<std::string, std::vector<net::Ip>> names;
    std::map<std::string, uint32_t> ttls;           ///< of names; 300 s where nothing is said
    std::set<std::string> unanswered;               ///< names that no server answers for
    std::vector<std::string> lines;                 ///< the log: "W text"
    std::shared_ptr<const agent::LocalZone> local;  ///< what a transfer of LOCAL gives
    size_t local_asked = 0;
    size_t look_ups = 0;
    size_t most_at_once = 0;

    Milliseconds now() override { return now_; }
    double chance() override { return 0.5; }
    std::unique_ptr<agent::Alarm> alarm(std::function<void()> callback) override {
        return std::make_unique<FakeAlarm>(*this, std::move(callback));
    }
    int64_t unix_time() override { return 1'700'000'000 + now_.count() / 1000; }
    void fetch(const agent::Server& server, const agent::Source&, const agent::Known& known,
               std::function<void(agent::FetchResult)> callback) override {
        transfers[server.str()]++;
        later([this, name = server.str(), have = known.zone, callback] {
            callback(give(name, have));
        });
    }
    void local_zone(
        const dns::Name&,
        std::function<void(Result<std::shared_ptr<const agent::LocalZone>>)> take) override {
        local_asked++;
        later([this, take] {
            if (!local) return take(fail("the server answers REFUSED"));
            take(local);
        });
    }
    void look_up(const dns::Name& name, uint16_t type,
                 std::function<void(Result<dns::Answer>)> callback) override {
        look_ups++;
        most_at_once = std::max(most_at_once, ++open_);
        later([this, name, type, callback] {
            open_--;
            callback(answer(name, type));
        });
    }
    void log(run::Severity severity, const std::string& text) override {
        lines.push_back(std::string(1, "DIWEF"[static_cast<int>(severity)]) + " " + text);
    }

    /// Runs what is due, now and until `time` has passed.
    void pass(Milliseconds time) {
        const auto end = now_ + time;
        while (!due_.empty() && due_.begin()->first <= end) {
            now_ = due_.begin()->first;
            const auto run = std::move(due_.begin()->second);
            due_.erase(due_.begin());
            run();
        }
        now_ = end;
    }
    bool said(const std::string& part) const {
        return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(part) != std::string::npos;
        });
    }

  private:
    class FakeAlarm : public agent::Alarm {
      public:
        FakeAlarm(FakeWorld& world, std::function<void()> callback)
            : world_(world), callback_(std::move(callback)) {}
        void start(Milliseconds after) override {
            const auto shot = ++*shots_;
            active_ = true;
            world_.due_.emplace(world_.now_ + after, [this, shot, alive = std::weak_ptr(shots_)] {
                const auto current = alive.lock();
                if (!current || *current != shot) return;
                active_ = false;
                callback_();
            });
        }
        void stop() override {
            ++*shots_;
            active_ = false;
        }
        bool active() const override { return active_; }

      private:
        FakeWorld& world_;
        std::function<void()> callback_;
        std::shared_ptr<int> shots_ = std::make_shared<int>(0);
        bool active_ = false;
    };

    void later(std::function<void()> run) { due_.emplace(now_, std::move(run)); }

    agent::FetchResult give(const std::string& name,
                            const std::shared_ptr<const agent::Zone>& have) {
        const auto found = servers.find(name);
        if (found == servers.end()) {
            return tl::unexpected(agent::TransferError{false, "no connection", false});
        }
        if (!found->second) return tl::unexpected(found->second.error());
        const auto& zone = *found->second;
        agent::Fetched out{have, agent::Fetched::How::unchanged, unanswered_names[name],
                           std::nullopt};
        out.unanswered = out.note.empty() ? 0 : 1;
        if (have && have->entries == zone.entries && have->serial == zone.serial) return out;
        out.zone = std::make_shared<const agent::Zone>(zone);
        out.how = agent::Fetched::How::whole;
        return out;
    }

    Result<dns::Answer> answer(const dns::Name& name, uint16_t type) {
        const auto text = name.str();
        if (unanswered.count(text) != 0) return fail("{} A: no server answers", text);
        dns::Answer out;
        const auto found = names.find(text);
        if (found == names.end()) {
            out.rcode = dns::rcode::kNxDomain;
            return out;
        }
        for (const auto& ip : found->second) {
            auto record = a_record(text, ip);
            if (record.type == type) out.records.push_back(std::move(record));
        }
        const auto ttl = ttls.find(text);
        out.ttl = ttl == ttls.end() ? 300 : ttl->second;
        return out;
    }

    Milliseconds now_{1000};
    size_t open_ = 0;
    std::multimap<Milliseconds, std::function<void()>> due_;
};

/// Holds what it is given, like a gateway.
class FakeMapper : public agent::Mapper {
  public:
    bool up = true;
    std::vector<std::string> requests;
    std::map<std::string, std::shared_ptr<const wire::HostSet>> held;  ///< by "local:public"
    std::optional<mapper::Failure> failure;  ///< the answer to everything, if set
    uint32_t rejected = 0;

    bool connected() const override { return up; }
    void publish(std::shared_ptr<const wire::HostSet> set, Callback callback) override {
        requests.push_back(fmt::format("publish {}", set->hosts.size()));
        take(std::move(set), callback);
    }
    void publish_change(std::shared_ptr<const wire::HostSet> set, mapper::Change change,
                        Callback callback) override {
        requests.push_back(fmt::format("change +{} -{}", change.add.size(), change.remove.size()));
        const auto old = held.find(key(*set));
        if (old == held.end() || old->second->hash != change.base_hash) return unknown(callback);
        take(std::move(set), callback);
    }
    void confirm(const mapper::Source& source, uint64_t hash, uint32_t count,
                 Callback callback) override {
        requests.push_back(fmt::format("confirm {}", count));
        const auto old = held.find(source.local_domain + ":" + source.public_domain);
        if (old == held.end() || old->second->hash != hash) return unknown(callback);
        answer(callback);
    }
    void withdraw(const mapper::Source& source, Callback callback) override {
        requests.emplace_back("withdraw");
        held.erase(source.local_domain + ":" + source.public_domain);
        answer(callback);
    }

    std::map<std::string, mapper::SourceReport> reports;  ///< by "local:public"
    size_t reported = 0;
    bool report(const mapper::SourceReport& report) override {
        if (!up) return false;
        reported++;
        const auto name = report.source.local_domain + ":" + report.source.public_domain;
        if (report.given_up) {
            reports.erase(name);
        } else {
            reports[name] = report;
        }
        return true;
    }

  private:
    static std::string key(const wire::HostSet& set) {
        return set.local_domain + ":" + set.public_domain;
    }
    void take(std::shared_ptr<const wire::HostSet> set, const Callback& callback) {
        if (!failure) held[key(*set)] = set;
        answer(callback);
    }
    void answer(const Callback& callback) const {
        if (failure) return callback(tl::unexpected(*failure));
        callback(mapper::Done{rejected, {}});
    }
    static void unknown(const Callback& callback) {
        callback(tl::unexpected(mapper::Failure{mapper::Reason::unknown_hash, "unknown"}));
    }
};

}  // namespace ipref::test
