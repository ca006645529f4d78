// SPDX-License-Identifier: GPL-2.0-or-later
// One query of a client through the upstreams: in turn until one answers or the deadline is over.
// Source: spec page "ipref-coredns", "Behaviour that Corefiles rely on", forward.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/plugins/forward/upstreams.h"

namespace ipref::resolver::forward {

struct ExchangesOptions {
    UpstreamsOptions upstreams;
    bool force_tcp = false;
    bool prefer_udp = false;
    bool failfast = false;  ///< SERVFAIL at once if all upstreams are down
    run::Milliseconds deadline{5'000};
    run::Milliseconds read_timeout{2'000};
    run::Counter* broken = nullptr;  ///< queries for which all upstreams were down; may be null
};

/// What came of a query: a message, or why there is none.
using Outcome = Result<dns::Bytes>;

/// The queries of one worker. Runs on one run::Loop; not thread-safe.
class Exchanges {
  public:
    /// An answer's bytes are valid during the call only. False: it cannot be used (malformed), the
    /// next upstream is to be asked; then, and only then, it is called again.
    using Callback = std::function<bool(const Outcome&)>;

    Exchanges(run::Loop& loop, ExchangesOptions options);
    /// Queries in flight are dropped; their callbacks are not called.
    ~Exchanges();
    Exchanges(const Exchanges&) = delete;
    Exchanges& operator=(const Exchanges&) = delete;

    /// `query`: a message with one question. `by_stream`: the client came over TCP. `limit`: bytes
    /// that the client takes: an answer that is cut at less is asked for again over TCP. The
    /// callback is never called from inside this call; when it takes the answer it may destroy the
    /// Exchanges. What differs in nothing but the case of the name from a query that is in flight
    /// is not asked again: both get that one's answer (so that a flood of one question does not
    /// make forging its answer easy, CVE-2023-30464). Of a question that differs in more, in EDNS
    /// options for instance, a few forms at a time go over UDP, the others over TCP.
    void ask(std::vector<uint8_t> query, bool by_stream, size_t limit, Callback callback);
    /// Different questions that are being asked.
    size_t in_flight() const { return exchanges_.size(); }
    Upstreams& upstreams() { return upstreams_; }
    /// Of the answer that a callback is given, during the call: who sent it.
    const net::Endpoint& answered_by() { return upstreams_.at(answered_by_).server(); }

  private:
    struct Exchange;
    struct Attempt;
    class Form;
    using Forms = std::unordered_map<size_t, unsigned>;
    using Owned = std::unique_ptr<Exchange>;

    dns::Via first_via(const Exchange& exchange) const;
    void next(Exchange& exchange);
    bool choose(Exchange& exchange);
    bool pause(Exchange& exchange);
    void on_time(Exchange& exchange);
    void send(Exchange& exchange, dns::Via via);
    void hedge(Exchange& exchange);
    void answered(Exchange& exchange, const Attempt& attempt,
                  const dns::Upstream::Outcome& outcome);
    void failed(Exchange& exchange, std::string why, bool silent);
    void finish(Exchange& exchange);
    Owned take_out(Exchange& exchange);

    run::Loop& loop_;
    ExchangesOptions options_;
    Upstreams upstreams_;
    Forms forms_;  // exchanges in flight, by the hash of their question
    std::unordered_map<std::string, Owned> exchanges_;  // by what must be the same to share
    size_t answered_by_ = 0;
    std::shared_ptr<Exchanges*> self_;  // tells callbacks whether this still lives
};

}  // namespace ipref::resolver::forward
