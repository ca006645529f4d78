// SPDX-License-Identifier: GPL-2.0-or-later
// Queries over UDP to one server, hardened against forged answers (RFC 5452): each has a random id,
// and a port of the kernel's choosing that is closed when the answers are there. Queries of one
// turn of the loop share a port and go out with one call; in a calm minute, that is one query.
// Sockets are connected, so that nobody else's datagrams arrive.
//
// Runs on one run::Loop; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/net/ip.h"
#include "common/run/loop.h"

namespace ipref::dns {

class UdpPorts {
    struct Port;

  public:
    /// One that waits for its answer, until it leaves. What it is told comes from the loop.
    class Query {
      public:
        Query() = default;
        virtual ~Query() { leave(); }
        Query(const Query&) = delete;
        Query& operator=(const Query&) = delete;

        /// Nothing more is heard; its message is not needed any more.
        void leave();

      private:
        friend class UdpPorts;
        /// A datagram with its id. False: this is not the answer, the wait goes on. True: it was,
        /// or the query has left; Query and UdpPorts may be gone by then.
        virtual bool on_datagram(std::span<uint8_t> datagram) = 0;
        /// Somebody may be guessing. It has left. The same may be gone.
        virtual void on_guesses() = 0;
        /// The socket's error. It has left. The same may be gone.
        virtual void on_error(int error) = 0;

        std::shared_ptr<Port> port_;
        size_t seat_ = 0;
    };

    UdpPorts(run::Loop& loop, const net::Endpoint& server, const std::optional<net::Ip>& source);
    /// Queries that are left hear nothing more.
    ~UdpPorts();
    UdpPorts(const UdpPorts&) = delete;
    UdpPorts& operator=(const UdpPorts&) = delete;

    /// Sends `message`, whose id is set anew, before the loop waits; until then it must stay where
    /// it is, or the query leave. 0, or the errno of a socket that could not be opened.
    int add(Query& query, std::span<uint8_t> message);

    /// Queries that share a port at most.
    static constexpr size_t kShared = 16;
    /// Wrong datagrams at one port, for which somebody may be guessing.
    static constexpr unsigned kNearMisses = 3;

  private:
    int open_port();
    void send_due();
    void send(const std::shared_ptr<Port>& port);
    void read(const std::shared_ptr<Port>& port);
    static void take(const std::shared_ptr<Port>& port, std::span<uint8_t> datagram);
    static void miss(const std::shared_ptr<Port>& port);
    static void fail(const std::shared_ptr<Port>& port, int error);

    run::Loop& loop_;
    net::Endpoint server_;
    std::optional<net::Ip> source_;
    std::vector<std::shared_ptr<Port>> open_;
    std::vector<std::shared_ptr<Port>> due_;  // with queries that are to be sent
    std::shared_ptr<bool> alive_;             // false once this is gone
    run::BeforeWait before_wait_;
};

}  // namespace ipref::dns
