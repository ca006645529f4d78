// SPDX-License-Identifier: GPL-2.0-or-later
// A DNS server for tests, in the test's own loop: UDP and TCP on one port of a loopback address;
// a function says what goes back for each query.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "common/dns/ldns.h"
#include "common/dns/wire_message.h"
#include "common/net/ip.h"
#include "common/run/loop.h"

namespace ipref::test {

using Message = std::vector<uint8_t>;

/// A query as the server got it.
struct Asked {
    Message wire;
    dns::Header header;
    dns::Question question;
    bool tcp = false;
    net::Endpoint from;
};

class ScriptedDns {
  public:
    /// Gives the messages that go back, in order; none: silence.
    using Script = std::function<std::vector<Message>(const Asked&)>;
    ScriptedDns(run::Loop& loop, Script script, const std::string& address = "127.0.0.1");
    ~ScriptedDns();
    ScriptedDns(const ScriptedDns&) = delete;
    ScriptedDns& operator=(const ScriptedDns&) = delete;

    const net::Endpoint& at() const { return at_; }
    const std::vector<Asked>& asked() const { return asked_; }
    size_t connections() const { return accepted_; }
    /// Closes the TCP connections that are open.
    void hang_up();
    void script(Script script) { script_ = std::move(script); }

  private:
    struct Peer;
    void on_udp();
    void on_accept();
    void on_peer(Peer& peer);
    std::vector<Message> answer(Message query, bool tcp, const net::Endpoint& from);

    run::Loop& loop_;
    Script script_;
    net::Endpoint at_;
    int udp_ = -1;
    int tcp_ = -1;
    std::unique_ptr<run::Poll> udp_poll_;
    std::unique_ptr<run::Poll> tcp_poll_;
    std::list<std::unique_ptr<Peer>> peers_;
    std::vector<Asked> asked_;
    size_t accepted_ = 0;
};

/// An address and port of loopback where nobody listens.
net::Endpoint nobody();

/// A query with RD, and EDNS 1232 if wanted.
Message query_for(const std::string& name, uint16_t type, uint16_t id = 1, bool edns = false);
/// The answer to `query`: rcode and flags, and records "NAME TTL CLASS TYPE DATA".
Message reply_to(const Message& query, uint16_t flags, const std::vector<std::string>& records,
                 const std::vector<std::string>& authority = {},
                 const std::vector<std::string>& additional = {});
/// Runs the loop until `done`, or fails the test after a time that a broken test needs.
void run_until(run::Loop& loop, const std::function<bool()>& done);

}  // namespace ipref::test
