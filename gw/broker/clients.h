// SPDX-License-Identifier: GPL-2.0-or-later
// The clients of the mapper socket and what they are owed: answers once they are on disk, and word
// of what was dropped, in that order. No sockets, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gw/broker/session.h"
#include "gw/mapping/committer.h"

namespace ipref::gw {

/// The way to one client.
class Outlet {
  public:
    virtual ~Outlet() = default;
    virtual void send(Record record) = 0;
    /// Takes no further records from the client while `paused`: it waits then, nobody else.
    virtual void pause(bool paused) = 0;
    /// Bytes that the client has not taken yet.
    virtual size_t queued() const { return 0; }
};

/// One thread. Destroyed before the table and the store.
class Clients {
  public:
    struct World {
        /// Store::when_durable; empty: answers do not wait.
        std::function<void(Committer::Durable)> when_durable;
        std::function<std::string()> problem;  ///< of the store; empty: none
        /// A client misbehaves; told as often as it does.
        std::function<void(const std::string& what)> warn;
    };

    /// Listens to what the table drops.
    Clients(Table& table, BrokerOptions options, BrokerSources sources, World world);
    ~Clients();
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

    /// A new one. `name` and `outlet` are told its number.
    using Name = std::function<std::string(uint64_t number)>;
    using MakeOutlet = std::function<std::unique_ptr<Outlet>(uint64_t number)>;
    void join(const Name& name, const MakeOutlet& outlet);
    /// A record from the client.
    void take(uint64_t number, wire::Bytes record);
    void malformed(uint64_t number, const std::string& why);
    /// Its connection has ended; gives up the outlet. Answers that are still waiting are dropped.
    void leave(uint64_t number, const std::string& why);

    /// Tells subscribers what has happened; to be called some times a second while any are there.
    void tell_traces();
    bool traced() const { return traced_; }

    size_t count() const { return clients_.size(); }
    proto::Status status() const { return status_of(context_); }
    const BrokerOptions& options() const { return options_; }

  private:
    /// Held by the map, weakly by answers that wait for the disk.
    struct Client {
        std::string name;  ///< for the log
        Session session;
        std::unique_ptr<Outlet> outlet;
        size_t waiting = 0;   ///< answers that wait for the disk
        uint64_t missed = 0;  ///< events since it was told last
    };

    void count(const Reply& reply, std::chrono::steady_clock::time_point arrived,
               bool stored = true) const;
    std::map<std::string, uint64_t> programs() const;
    void put_agents(proto::Status& status, size_t room) const;
    void listen();
    void push_in_turn(const std::vector<net::IpRef>& dropped);
    void push(const std::vector<net::IpRef>& dropped);

    const BrokerOptions options_;
    const BrokerSources sources_;
    const World world_;
    Table& table_;
    const SessionContext context_;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();  ///< held weakly by pushes
    uint64_t last_ = 0;
    bool traced_ = false;  ///< somebody wants to be told what happens
    std::map<uint64_t, std::shared_ptr<Client>> clients_;
};

}  // namespace ipref::gw
