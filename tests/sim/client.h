// SPDX-License-Identifier: GPL-2.0-or-later
// One client of the mapper socket: a resolver or an agent, in protobuf or one of V1's variants, or
// one that sends garbage. What it wants to send waits in a queue until the simulation delivers it;
// what it receives it checks at once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/wire/mapper_frame.h"
#include "common/wire/mapper_v1.h"
#include "sim/model.h"

namespace ipref::gw::sim {

enum class Kind : uint8_t { resolver, agent, garbage };
enum class Speech : uint8_t { protobuf, v1_fixed, v1_self_describing };

/// What an agent's record does to its source, once it has come.
struct SetChange {
    std::string owner;
    bool v1 = false;
    bool withdraws = false;
    bool difference = false;
    uint64_t base = 0;
    uint64_t hash = 0;
    bool hash_is_right = true;
    std::vector<StaticMapping> add;
    std::vector<StaticMapping> remove;
};

/// A record on its way to the gateway.
struct Outgoing {
    Record record;
    std::string what;
    uint64_t id = 0;    ///< 0: no answer is due
    bool opens = true;  ///< the first record of a request
    std::vector<net::IpRef> asked;
    net::Family family = net::Family::v4;
    wire::V1Layout layout;
    std::optional<SetChange> change;      ///< that it completes
    std::optional<std::string> batch_of;  ///< owner of the set that it is part of
    std::optional<std::string> asks_hash_of;
    std::vector<StaticMapping> believed;  ///< to be held, by who asks for the hash
};

class SimClient {
  public:
    struct Around {
        const World& world;
        Model& model;
        const Ledger& ledger;
        Judge& judge;
        Chance& chance;
    };
    SimClient(Around around, uint64_t number, Kind kind, Speech speech);

    /// Wants something: puts records into the queue.
    void act();
    std::deque<Outgoing>& queue() { return queue_; }
    std::string name() const;
    bool speaks_v1() const { return speech_ != Speech::protobuf; }

    /// The simulation is about to hand this record over; and has done so.
    void sending(const Outgoing& out);
    void sent(const Outgoing& out);
    /// From the gateway; `refusing`: it has trouble with its disk.
    void receive(wire::Bytes record, bool refusing);
    /// Nothing is on its way any more: everything is answered, and what is cached is true.
    void check_quiet(const Table& table, Seconds now);
    void at(Seconds now) { now_ = now; }

    bool paused = false;

  private:
    struct Pending {
        Outgoing request;
        bool complete = false;  ///< its last record has been sent
        bool taken = false;     ///< and the gateway is done with it, but for the answer
        uint64_t units = 0;     ///< that the ledger had then
        uint64_t version = 0;   ///< of the owner's set
    };
    struct Cached {
        net::Ip ea;
        Seconds until = 0;
    };

    void greet();
    void ask_addresses();
    void ask_v1_address();
    void act_as_agent();
    void send_set(const std::vector<wire::Host>& set);
    void send_v1_set(const std::vector<wire::Host>& set);
    void send_difference();
    void send_frames(proto::HostData head, const std::vector<wire::Host>& add,
                     const std::vector<wire::Host>& remove, SetChange change);
    void ask_hash();
    void withdraw();
    void talk_nonsense();
    Outgoing& push(proto::Frame frame, std::string what);
    Outgoing& push(const wire::V1Body& body, std::string what);

    void receive_frame(wire::Bytes record, bool refusing);
    void receive_v1(wire::Bytes record);
    void take_answers(const Pending& pending, const proto::EncodedAddresses& answers);
    void take_ack(const Pending& pending);
    void must_be_stored(const Pending& pending);
    std::optional<Pending> close_request(uint64_t id);
    void cache(const net::IpRef& theirs, const net::Ip& ea, Seconds lifetime);

    Around around_;
    const uint64_t number_;
    const Kind kind_;
    const Speech speech_;
    wire::V1Layout layout_;
    std::string domain_;
    uint64_t last_id_ = 0;
    bool greeted_ = false;
    Seconds now_ = 0;
    std::deque<Outgoing> queue_;
    std::map<uint64_t, Pending> pending_;
    std::map<std::pair<net::IpRef, net::Family>, Cached> cache_;
    std::optional<std::vector<wire::Host>> set_;  ///< that it believes the gateway to hold
};

}  // namespace ipref::gw::sim
