// SPDX-License-Identifier: GPL-2.0-or-later
// Hears that a zone has changed (NOTIFY, RFC 1996), from known servers only: over UDP, and over TCP
// for servers that prefer that (Knot DNS). Everybody else gets no answer; what is answered is not
// larger than the question.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/dns/tsig.h"
#include "common/net/ip.h"
#include "common/run/fd.h"
#include "common/run/log.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "dns-agent/notify_streams.h"

namespace ipref::agent {

/// What the agent makes of a NOTIFY.
enum class Heard : uint8_t {
    taken,         ///< a server of the zone
    no_server,     ///< nobody that is asked for zones
    no_such_zone,  ///< a server, but not of this zone
};

/// The answer to a datagram; none where silence is right. `heard` is asked once the message is a
/// proper NOTIFY; with a key, signed with it. `flaw` says what was wrong.
struct NotifyAnswer {
    std::vector<uint8_t> bytes;
    std::string flaw;
    bool taken = false;
};
NotifyAnswer answer_notify(dns::Bytes datagram, const dns::TsigKey* key, uint64_t unix_seconds,
                           const std::function<Heard(const dns::Name& zone)>& heard);

class NotifyListener {
  public:
    using Heed = std::function<Heard(const dns::Name& zone, const net::Ip& from)>;

    /// An error names the address. `key` outlives the listener, or is nullptr.
    static Result<std::unique_ptr<NotifyListener>> make(run::Loop& loop, const net::Endpoint& at,
                                                        const dns::TsigKey* key,
                                                        run::Metrics& metrics, Heed heed);
    /// Where it listens, with the port the kernel chose if 0 was asked for.
    net::Endpoint at() const;

  private:
    NotifyListener(run::Loop& loop, run::Fd datagrams, run::Fd streams, const dns::TsigKey* key,
                   run::Metrics& metrics, Heed heed);
    void read();
    bool is_server(const net::Endpoint& from) const;
    std::vector<uint8_t> answer(dns::Bytes message, const net::Endpoint& from);

    run::Fd fd_;
    const dns::TsigKey* key_;
    run::Counter& taken_;
    run::Counter& refused_;
    Heed heed_;
    run::LogLimit limit_;
    run::Poll poll_;
    NotifyStreams streams_;
};

}  // namespace ipref::agent
