// SPDX-License-Identifier: GPL-2.0-or-later
// One DNS server that is asked: whole messages out, whole messages back. Hardened against forged
// answers (RFC 5452): ports and ids of queries over UDP as udp_ports.h says; what does not fit id
// and question is ignored and the wait goes on. Connections over TCP are kept and used again, one
// query at a time on each; with TLS (DoT, RFC 7858) and HTTPS (DoH, RFC 8484) likewise.
//
// Runs on one run::Loop; not thread-safe.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "common/dns/doh_client.h"
#include "common/dns/udp_ports.h"
#include "common/dns/wire_message.h"
#include "common/net/ip.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "common/tls/live_context.h"

namespace ipref::dns {

enum class Via : uint8_t { udp, tcp };

struct UpstreamOptions {
    run::Milliseconds expire{10'000};  ///< an idle TCP connection is closed after this
    size_t max_queries = 2000;         ///< in flight; more fail with too_many
    size_t max_idle = 64;              ///< idle TCP connections that are kept
    /// Not null: every query goes over TLS, whatever is asked for.
    std::shared_ptr<tls::LiveContext> tls;
    std::string tls_name;  ///< a host name or an address that the server's certificate must name
    std::optional<DohTarget> doh;  ///< with `tls`: queries go over HTTPS, to this place
    /// Random case in the names of queries over UDP, and answers only with the same ("0x20").
    bool mix_case = false;
    std::optional<net::Ip> source;  ///< queries come from this address
    // Streams that were there already, and those that had to be opened; may be null.
    run::Counter* reused = nullptr;
    run::Counter* opened = nullptr;
};

enum class Trouble : uint8_t {
    timed_out,  ///< no fitting answer in time
    refused,    ///< nobody listens there
    network,    ///< no route, connection broken, no descriptors left
    too_many,   ///< max_queries are in flight
};

/// Why there is no answer; the text names the server.
struct AskFailure {
    Trouble trouble = Trouble::network;
    std::string text;
};

class Upstream {
  public:
    /// The answer with the id of the query as it was given; valid during the callback only. Its
    /// header and question were checked, nothing behind them.
    using Outcome = tl::expected<Bytes, AskFailure>;
    using Callback = std::function<void(Outcome)>;

    Upstream(run::Loop& loop, net::Endpoint server, UpstreamOptions options = {});
    /// What is in flight is dropped; its callbacks are not called.
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    const net::Endpoint& server() const { return server_; }
    /// Asks. `query` is a message with one question, at most 65535 bytes; it goes out with another
    /// id. The callback is called once, never from inside this call. It may ask, cancel,
    /// and destroy the Upstream. Gives a number for cancel().
    uint64_t ask(Bytes query, Via via, run::Milliseconds timeout, Callback callback);
    /// The callback will not be called. Nothing happens if it has been.
    void cancel(uint64_t number);
    size_t in_flight() const { return asks_.size(); }
    /// TCP connections that wait for their next query.
    size_t idle() const { return idle_.size(); }
    /// Whether names go out in random case: not any more once the server was seen to change it.
    bool mixes_case() const { return options_.mix_case && case_changed_ < kCaseChanges; }

    /// Queries in a row whose name came back in another case: the server does not keep it.
    static constexpr unsigned kCaseChanges = 3;

  private:
    struct Ask;
    struct Stream;

    void send_udp(Ask& ask);
    bool take_udp(Ask& ask, std::span<uint8_t> answer);
    void restore_case(const Ask& ask, std::span<uint8_t> answer);
    void begin_tcp(Ask& ask);
    void open_stream(Ask& ask);
    void on_stream(Stream& stream, int events);
    bool begin_tls(Stream& stream);
    bool write_stream(Stream& stream);
    bool flush(Stream& stream);
    void read_stream(Stream& stream);
    bool take_bytes(Stream& stream, Bytes bytes);
    static Result<void> take_plain(Stream& stream);
    static Result<void> queue(Stream& stream);
    static bool is_over(const Stream& stream);
    void read_idle(Stream& stream);
    bool take_message(Stream& stream);
    void stream_broken(Stream& stream, const std::string& why);
    void keep(std::unique_ptr<Stream> stream);
    void drop_expired();
    void finish(Ask& ask, Bytes answer);
    void fail(Ask& ask, Trouble trouble, const std::string& why);
    void fail_later(Ask& ask, Trouble trouble, std::string why);
    void call(Ask& ask, Outcome outcome);

    run::Loop& loop_;
    net::Endpoint server_;
    UpstreamOptions options_;
    UdpPorts udp_;
    std::unordered_map<uint64_t, std::unique_ptr<Ask>> asks_;
    std::list<std::unique_ptr<Stream>> idle_;  // the one used last in front
    run::Timer expiry_;
    uint64_t next_ = 1;
    unsigned case_changed_ = 0;
};

/// Whether `answer` fits `query`: same id, an answer, same opcode, and the same question (class,
/// type, name without case); a server that could not read the question may leave it out.
bool answers(Bytes query, Bytes answer);

}  // namespace ipref::dns
