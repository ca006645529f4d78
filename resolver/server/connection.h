// SPDX-License-Identifier: GPL-2.0-or-later
// One accepted connection below the protocol that it speaks: the socket, TLS where the listener
// has it, times, and what is read and not sent yet, all bounded. DnsConnection and HttpsConnection
// are the protocols.
//
// Life: the listener keeps it until bury(); that is when it is closed and no query is under way on
// it any more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/tls/session.h"
#include "resolver/server/runner.h"
#include "resolver/server/tcp.h"

namespace ipref::resolver {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(TcpListener& listener);
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// False if there is no connection to accept after all.
    bool begin(uv_stream_t* from);
    /// Reads from now on; with a context only what it decrypts.
    void serve(const tls::Context* context, const tls::Protocols& protocols);
    const net::Ip& client() const { return whence_.client.ip; }
    /// It has been counted in the connection table.
    bool counted = false;

    /// No more questions; closed at once if idle, else when the answers are sent.
    void retire();
    void close();

  protected:
    /// Bytes from the client, decrypted.
    virtual void received(Bytes bytes) = 0;
    /// The client sends nothing any more (it may still read), or room was made: go on.
    virtual void proceed() = 0;
    /// Nothing more is read while this is so.
    virtual bool full() const;

    /// Encrypted if need be. `ready` is called once it is written or lost, if the connection lives.
    void write(Bytes bytes, std::function<void()> ready = {});
    /// A whole question has come: the idle time begins anew.
    void question_began();
    /// An answer has been given: true if the connection lives on.
    bool question_ended();
    /// No more questions; the connection ends with its last answer.
    bool draining() const;
    /// From one question to the next; less when connections run short.
    run::Milliseconds idle_time() const;
    bool idle() const { return pending_ == 0 && unsent_ == 0; }
    bool closed() const { return closed_; }
    /// Answers have waited for the client for too long unless this is called in time.
    void expect_progress();
    void progressed();
    /// Reads or ends, as the state is.
    void go_on();

    TcpListener& listener_;
    Whence whence_;
    std::optional<tls::Session> tls_;
    StreamTimes times_;
    size_t pending_ = 0;  // questions under way
    size_t unsent_ = 0;   // bytes given to libuv

  private:
    struct Write;
    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(stream_->get()); }
    void waited();
    void read_on();
    void stop_reading();
    void arrived(ssize_t count, const uv_buf_t* buffer);
    void decrypt(Bytes bytes);
    void end_of_input(ssize_t why);
    void send(std::vector<uint8_t> bytes, std::function<void()> ready);
    void written(Write& write, int status);

    bool reading_ = false;
    bool ended_ = false;  // the client has closed its half
    bool closed_ = false;
    run::Timer wait_;   // for the next question
    run::Timer stuck_;  // for an answer to be taken
    std::optional<run::OwnedHandle<uv_tcp_t>> stream_{std::in_place};
};

std::shared_ptr<Connection> make_dns_connection(TcpListener& listener);
std::shared_ptr<Connection> make_https_connection(TcpListener& listener);

}  // namespace ipref::resolver
