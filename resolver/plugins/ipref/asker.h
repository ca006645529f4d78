// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref's look-ups at its upstreams: in turn until one answers, over UDP with EDNS 1232 and
// over TCP when cut; identical look-ups in flight are made once; what is denied, or fails, is
// remembered. Source: spec page "ipref-coredns", section 1.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/dns/answer.h"
#include "common/dns/resolver.h"
#include "common/dns/upstream.h"
#include "resolver/plugins/ipref/negative_cache.h"

namespace ipref::resolver::aa {

/// An upstream as the Corefile names it: an address, or a host to be found by the system's
/// resolver, with a port.
struct Target {
    std::variant<net::Endpoint, dns::Name> host;
    uint16_t port = 53;

    /// "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "2001:db8::1", "dns.example:53".
    static Result<Target> parse(std::string_view text);
    std::string str() const;
    friend bool operator==(const Target&, const Target&) = default;
};

struct AskerOptions {
    std::vector<Target> upstreams;  ///< at least one
    bool dnssec = false;            ///< asks for AD (RFC 6840 section 5.7)
    run::Milliseconds first_try{1'500};
    run::Milliseconds second_try{2'500};
    run::Milliseconds deadline{4'500};  ///< of a look-up as a whole
    NegativeOptions negative;
};

/// Runs on one run::Loop; not thread-safe.
class Asker {
  public:
    using Outcome = Result<dns::Answer>;
    using Callback = std::function<void(const Outcome&)>;

    Asker(run::Loop& loop, AskerOptions options);
    /// What is in flight is dropped; its callbacks are not called.
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    /// Class IN. The callback is called once, never from inside this call; an error says which
    /// upstream failed how. It may ask again; it must not destroy the Asker.
    void ask(const dns::Name& name, uint16_t type, Callback callback);
    /// Look-ups under way, each counted once.
    size_t in_flight() const { return flights_.size(); }

  private:
    struct Flight;
    struct Server;
    using Key = std::pair<dns::Name, uint16_t>;

    void find_host(Server& server, uint16_t type);
    void next_server(Flight& flight);
    void send(Flight& flight, dns::Via via);
    void answered(Flight& flight, dns::Via via, const dns::Upstream::Outcome& outcome);
    void failed(Flight& flight, std::string why, bool try_again);
    void conclude(Flight& flight, const Outcome& outcome);
    void finish(Flight& flight, const Outcome& outcome);

    run::Loop& loop_;
    AskerOptions options_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::map<Key, std::unique_ptr<Flight>> flights_;
    NegativeCache negative_;
    std::unique_ptr<dns::Resolver> system_;  // only if an upstream is a host's name
};

}  // namespace ipref::resolver::aa
