// SPDX-License-Identifier: GPL-2.0-or-later
// What has to be true. After every step the model looks at everything that the table shows and
// asks of each difference to what was before whether the step may have made it; it remembers what
// was answered, and what rests. At a crash it goes back to what was on the disk, but not back
// behind what was answered.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/gateway.h"
#include "sim/world.h"

namespace ipref::gw::sim {

/// What a step may change.
struct Cause {
    bool makes = false;   ///< dynamic mappings
    bool sweeps = false;  ///< ends what is over
    std::string owner;    ///< whose set becomes `set`; empty: nobody's
    std::vector<StaticMapping> set;
    bool withdraws = false;
    bool known_hash = false;  ///< the owner's set gets this hash
    uint64_t hash = 0;
};

class Model {
  public:
    Model(const World& world, const Ledger& ledger, Judge& judge)
        : world_(world), ledger_(ledger), judge_(judge) {}

    /// A new life of the gateway.
    void attach(Table& table, const Clock& clock);
    /// After a step.
    void check(const Cause& cause);
    /// At the end of a step: a crash may go back to here.
    void keep();
    /// After a sweep, however short.
    void swept();
    /// All dynamic mappings have been looked at by a sweep.
    void swept_all();
    /// A packet has passed by this mapping, or a resolver has asked.
    void used(const net::IpRef& theirs, net::Family ea);
    void used(const net::Ip& host, const net::IpRef& ours);
    void confirmed(const std::string& owner);

    /// A client has got these answers.
    void answered(const net::IpRef& theirs, const net::Ip& ea, Seconds lifetime);
    void acknowledged(const std::string& owner, uint64_t version);
    /// The gateway says that it holds this set of the owner.
    void holds(const std::string& owner, const std::vector<StaticMapping>& set);
    uint64_t version(const std::string& owner) { return state_.owners[owner].version; }
    const std::vector<StaticMapping>& held(const std::string& owner) {
        return state_.owners[owner].held;
    }

    /// The life has ended, the ledger has gone back to what is on the disk.
    void crashed();
    /// The disk was torn and everything is forgotten.
    void forget();

  private:
    struct Use {
        Seconds last = 0;
        Seconds swept = 0;   ///< as of the last sweep: what a crash must not forget
        Seconds latest = 0;  ///< that a restart may know of, with what it adds
    };
    struct OwnerState {
        std::vector<StaticMapping> held;
        Seconds confirmed = 0;
        uint64_t version = 0;  ///< grows with every change
    };
    struct State {
        Visible shown;
        std::map<net::Ip, Seconds> resting_eas;
        std::map<net::IpRef, Seconds> resting_refs;
        std::map<net::Ip, Use> remote_uses;
        std::map<net::IpRef, Use> local_uses;
        std::map<std::string, OwnerState> owners;
    };
    struct Promise {
        net::IpRef theirs;
        Seconds until = 0;
    };

    static Use stored_use(const MappingRecord& record);
    void look();
    void check_gone(const Cause& cause, const Visible& after, Relation relation, const Row& row);
    bool may_go(const Cause& cause, const Visible& after, Relation relation, const Row& row) const;
    bool may_go_dynamic(const Cause& cause, const Visible& after, Relation relation,
                        const Row& row) const;
    void check_new(const Cause& cause, Relation relation, const Row& row, const Row* before);
    void check_set(const Cause& cause, const Visible& after);
    bool excused(const std::string& owner, const StaticMapping& mapping, const Visible& shown,
                 size_t statics_before) const;
    void check_promises(const Visible& after);
    bool mistaken(const Row& a, const Row& b) const;
    void check_refs(const Visible& after);
    void forget_looks();
    void check_absent(const Visible& after);
    bool over(Seconds since, Seconds life) const;
    bool is_dynamic_ea(const net::Ip& ea) const;
    static size_t statics(const Visible& shown);

    const World& world_;
    const Ledger& ledger_;
    Judge& judge_;
    Table* table_ = nullptr;
    const Clock* clock_ = nullptr;
    State state_;
    std::deque<std::pair<uint64_t, State>> history_;  ///< by the ledger's units, the oldest on disk
    std::map<net::Ip, Promise> promises_;
    std::map<std::string, uint64_t> acknowledged_;
    std::set<net::Ip> absent_eas_;  ///< seen missing while the step went on
    std::set<net::IpRef> absent_refs_;
    std::set<net::IpRef> nobody_refs_;  ///< no host at all was found for them
};

}  // namespace ipref::gw::sim
