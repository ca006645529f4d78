// SPDX-License-Identifier: GPL-2.0-or-later
// DNS messages with their length in front (RFC 1035 section 4.2.2), over TCP or TLS.
#include <array>

#include "resolver/server/connection.h"
#include "resolver/server/stream_encode.h"

namespace ipref::resolver {

namespace {

constexpr size_t kPrefix = 2;  // length in front of each message

class DnsConnection final : public Connection, public Sink {
  public:
    using Connection::Connection;

    void deliver(Query& q) override {
        if (!closed() && q.outcome() != Query::Outcome::dropped) answer(q, {});
        if (question_ended()) consume();
    }

    bool part(Query& q, const std::function<void()>& ready) override {
        if (closed()) return false;
        answer(q, ready);
        q.reply.answer.clear();
        q.reply.authority.clear();
        q.reply.additional.clear();
        return !closed();
    }

  protected:
    void received(Bytes bytes) override {
        in_.insert(in_.end(), bytes.begin(), bytes.end());
        consume();
    }
    void proceed() override { consume(); }

  private:
    /// Takes whole questions off the buffer. A question may be answered, and the connection
    /// closed, before take() returns.
    void consume() {
        if (consuming_ || closed()) return;
        const auto alive = shared_from_this();
        consuming_ = true;
        size_t at = 0;
        while (!closed() && !full() && !listener_.retired() && in_.size() - at >= kPrefix) {
            const size_t length = static_cast<size_t>(in_[at]) << 8 | in_[at + 1];
            if (in_.size() - at - kPrefix < length) break;
            const Bytes message(in_.data() + at + kPrefix, length);
            at += kPrefix + length;
            question_began();
            listener_.runner().take(message, *this, listener_.routes(), whence_);
        }
        in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
        consuming_ = false;
        go_on();
    }

    void answer(Query& q, const std::function<void()>& ready) {
        static thread_local std::array<uint8_t, kPrefix + dns::kMaxMessage> out;
        const auto room = std::span(out).subspan(kPrefix);
        const auto size =
            encode_for_stream(q, {.tls = tls_.has_value(), .idle = idle_time()}, room);
        out[0] = static_cast<uint8_t>(size >> 8);
        out[1] = static_cast<uint8_t>(size);
        write(Bytes(out.data(), kPrefix + size), ready);
    }

    std::vector<uint8_t> in_;
    bool consuming_ = false;
};

}  // namespace

std::shared_ptr<Connection> make_dns_connection(TcpListener& listener) {
    return std::make_shared<DnsConnection>(listener);
}

}  // namespace ipref::resolver
