// SPDX-License-Identifier: GPL-2.0-or-later
// A query on its way through a server block: down the chain of plugins until one answers, and back
// up through those that wanted to see the answer. One thread owns it from beginning to end.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/run/metrics.h"
#include "resolver/server/arena.h"
#include "resolver/server/message.h"

namespace ipref::resolver {

class Handler;
class Runner;
class Sink;
class Worker;
struct Active;
struct Block;
class Routes;

/// What a handler did with a query.
enum class Step : uint8_t {
    next,   ///< not mine: on to the next plugin
    watch,  ///< likewise, and answered() is called on the way back
    done,   ///< the reply is complete
    later,  ///< finish(), fail(), pass() or drop() will be called
};

/// What became of a look-up through the server itself (Query::lookup). Spans are valid during the
/// callback only.
struct LookupResult {
    bool answered = false;  ///< false: SERVFAIL, REFUSED, nobody answered, or too deep
    const Reply* reply = nullptr;
};

/// Signs an answer when it has become bytes, each message of it (plugin tsig).
class Signer {
  public:
    virtual ~Signer() = default;
    /// The key that the question was proven to be signed with; null if it was not.
    virtual const Name* key() const { return nullptr; }
    /// Bytes that it adds to a message, at most.
    virtual size_t overhead() const = 0;
    virtual std::vector<uint8_t> sign(Bytes message) = 0;
};

class Query {
  public:
    Request request;
    Reply reply;

    // -- finishing, for a handler whose handle() returned Step::later: exactly one of these, once,
    //    from the worker's thread, never from inside handle() or answered()

    /// The reply is complete.
    void finish();
    /// No reply could be made: the server writes one with this rcode. `why` goes to plugin errors
    /// ("plugin/forward: no healthy upstream"); empty: nothing to log. Extended errors that were
    /// added before are sent with it.
    void fail(uint16_t code, std::string why = {});
    /// On to the next plugin after all; with `watch`, answered() is called on the way back.
    void pass(bool watch = false);
    /// No answer at all: the client hears nothing (plugins acl, erratic).
    void drop();

    /// Calls `what` soon, not from inside this call, unless the query has ended by then. For a
    /// handler that returns Step::later and has nothing else to wait for.
    void defer(std::function<void()> what);

    /// The client gets this rcode now, whoever holds the query; when that one ends it, the answer
    /// still passes the handlers above it, and goes to nobody. Never from inside handle() or
    /// answered().
    void give_up(uint16_t code);

    // -- for handlers that answer at once

    /// Sets what fail() sets; for use as `return q.failed(...)` inside handle().
    enum class Outcome : uint8_t { answered, failed, dropped };
    /// `return q.failed(rcode::servfail, "plugin/x: why")` inside handle() or answered().
    Step failed(uint16_t code, std::string why = {});
    /// `return q.dropped()` likewise.
    Step dropped();
    /// In answered(), of a failure: it is made good; the reply is empty and an answer from now on.
    void recovered();
    /// While the answer is on its way back: what it is. Failed: reply.rcode and error() only.
    Outcome outcome() const { return outcome_; }
    const std::string& error() const { return error_; }

    /// Another name in place of the one asked for, for the plugins behind; `name` in any case.
    void rename(const Name& name);

    // -- putting the reply together

    /// Appends an A or AAAA record; data goes to the arena.
    void add_address(std::vector<RecordRef>& to, Bytes owner, uint32_t ttl, const net::Ip& ip);
    /// The owner name as asked, kept with the query: for records of the question's own name.
    Bytes asked_name();
    /// Takes over an answer from elsewhere: rcode, AA, RA, AD and records, OPT left out; everything
    /// is copied. False, and nothing taken, if the message is malformed.
    bool take_message(Bytes message);
    /// An extended error (RFC 8914) for clients that speak EDNS. `text` is copied.
    void add_extended_error(uint16_t info_code, std::string_view text);

    /// A packed reply into its sections; nothing happens to another.
    void unpack();

    // -- metadata: what plugins say about the query, "forward/upstream", for log lines, templates
    //    and rewrite; kept only behind plugin metadata

    void keep_metadata() { keeps_metadata_ = true; }
    bool keeps_metadata() const { return keeps_metadata_; }
    /// Both are copied. Nothing happens unless metadata is kept.
    void set_metadata(std::string_view label, std::string_view value);
    /// "" if nobody has set it.
    std::string_view metadata(std::string_view label) const;

    // -- memory

    Arena& arena() { return arena_; }
    /// Keeps what the reply points into (a zone's snapshot) until the reply is sent.
    void pin(std::shared_ptr<const void> what) { pins_.push_back(std::move(what)); }
    /// The state of a handler for this query, made at first use, gone with the query.
    template <typename T>
    T& state(const Handler& owner) {
        for (auto& slot : slots_) {
            if (slot.owner == &owner) return *static_cast<T*>(slot.state);
        }
        T& made = arena_.make<T>();
        slots_.push_back({&owner, &made});
        return made;
    }

    // -- around it

    Worker& worker() const;
    /// The server block's zone that matched, in lower case.
    const Name& zone() const { return *zone_; }
    /// The view by which the block was chosen, or "".
    std::string_view view() const;
    /// Where everything of this process is counted.
    run::Metrics& metrics() const;
    /// The listener, "dns://:53", as a label of metrics.
    const std::string& server() const;
    std::chrono::steady_clock::time_point arrived() const { return arrived_; }
    /// Bytes that the client takes: EDNS size (at least 512), 512 without, 65535 over streams.
    size_t limit() const { return limit_; }
    /// Answers get no larger than this, at least 512.
    void cap(size_t limit) { limit_ = std::min(limit_, limit); }
    /// The answer is signed on its way out, on every transport; limit() shrinks by what that takes.
    void sign_with(std::unique_ptr<Signer> signer);
    /// The key that the question was signed with, verified; null: none.
    const Name* signed_by() const { return signer_ ? signer_->key() : nullptr; }
    /// What the answer takes at most, its signature included.
    size_t most_bytes() const { return limit_ + (signer_ ? signer_->overhead() : 0); }
    /// For sinks: signs the message of `size` bytes in `out`, if it is to be signed. The new size.
    size_t sign(size_t size, std::span<uint8_t> out);
    /// The question could not be read: the answer is a header only (see encode_header_only).
    bool header_only() const { return header_only_; }
    /// How deep look-ups have nested; 0 for a client's query.
    unsigned depth() const { return depth_; }

    /// Asks the server itself, from block choice on, as CoreDNS's "upstream" does for the target of
    /// an alias outside of the zone. `then` is called later, never
    /// from inside this call; it is not called once this query has ended. At most kMaxDepth deep.
    void lookup(const Name& name, uint16_t qtype, std::function<void(const LookupResult&)> then);
    static constexpr unsigned kMaxDepth = 8;

    /// Has the handlers behind the current one answer the same question once more, in a query of
    /// its own that nobody waits for; they are called later, never from inside this call. The
    /// current handler's answered() gets it, no other's above. It has the client's flags and size
    /// of EDNS, no options, and no limit. To be called from handle(). Counts as in flight: bounding
    /// how many there are is up to the caller.
    Query& ask_again();

    /// Whether an answer may be several messages (zone transfers).
    bool is_stream() const { return request.proto == Proto::tcp || request.proto == Proto::tls; }
    /// Sends the reply so far as one of several messages and clears its sections; `ready` is
    /// called once, later, when the client has taken it or has gone. The last message is sent by
    /// finish(). False: the client has gone; `ready` will not be called, fail() is still due.
    bool send_part(const std::function<void()>& ready);

  private:
    friend class Runner;

    bool take_records(Bytes message);

    struct Slot {
        const Handler* owner;
        void* state;
    };

    Arena arena_;
    std::vector<Slot> slots_;
    std::vector<std::shared_ptr<const void>> pins_;
    std::shared_ptr<Active> active_;  // keeps the configuration alive
    Runner* runner_ = nullptr;
    Sink* sink_ = nullptr;
    uint64_t serial_ = 0;  // tells this use of the object from earlier ones
    const Block* block_ = nullptr;
    const Routes* routes_ = nullptr;  // of the listener
    bool header_only_ = false;        // the question could not be read
    const Name* zone_ = nullptr;
    std::chrono::steady_clock::time_point arrived_;
    Bytes asked_;            // copy of the name in the arena
    size_t at_ = 0;          // position in the chain
    uint64_t watchers_ = 0;  // positions whose answered() is due
    size_t limit_ = 512;
    std::unique_ptr<Signer> signer_;
    unsigned depth_ = 0;
    Outcome outcome_ = Outcome::answered;
    std::string error_;
    bool keeps_metadata_ = false;
    std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace ipref::resolver
