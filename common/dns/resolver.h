// SPDX-License-Identifier: GPL-2.0-or-later
// DNS look-ups by c-ares on the loop: the system's name servers (/etc/resolv.conf; for addresses
// /etc/hosts first), or given ones. Over UDP with EDNS, over TCP when an answer is cut. Servers
// are tried in turn. Bounded: at most `max_in_flight` at a time, the others wait in order
// (how many may wait is the caller's to bound).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/answer.h"
#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/loop.h"

namespace ipref::dns {

struct ResolverOptions {
    std::vector<net::Endpoint> servers;  ///< empty: the system's
    run::Milliseconds timeout{2000};     ///< of one try at one server; doubles with each round
    int tries = 2;                       ///< rounds over all servers
    size_t max_in_flight = 100;
    std::string hosts_file = "/etc/hosts";  ///< only with the system's servers; empty: none
};

/// "ADDR[:PORT]", several separated by commas; port 53 where none is given.
Result<std::vector<net::Endpoint>> parse_servers(std::string_view text);

class Resolver {
  public:
    using Callback = std::function<void(Result<Answer>)>;

    /// An error if c-ares cannot be set up (no memory, /etc/resolv.conf unreadable).
    static Result<std::unique_ptr<Resolver>> make(run::Loop& loop, ResolverOptions options);
    /// Look-ups that are not answered are dropped; their callbacks are not called.
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// Class IN. The callback is called once, from the loop, never from inside this call. Its
    /// error names the name, the type and the reason. It may ask again; it must not destroy the
    /// Resolver.
    void query(const Name& name, uint16_t type, Callback callback);
    /// Those that are asked: the system's, or the given ones.
    std::vector<net::Endpoint> servers() const;
    /// Look-ups that wait or are under way.
    size_t pending() const;

  private:
    struct State;
    explicit Resolver(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ipref::dns
