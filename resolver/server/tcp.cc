// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/tcp.h"

#include <array>
#include <optional>

#include "resolver/server/encode.h"

namespace ipref::resolver {

namespace {

constexpr size_t kPrefix = 2;  // length in front of each message

net::Endpoint endpoint_of(const uv_tcp_t* handle, decltype(uv_tcp_getpeername)* get,
                          uint32_t* interface) {
    sockaddr_storage address{};
    int size = sizeof address;
    if (get(handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    if (interface != nullptr && address.ss_family == AF_INET6) {
        *interface = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_scope_id;
    }
    return net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

}  // namespace

/// An answer on its way to the kernel.
struct TcpListener::Write {
    uv_write_t request{};
    std::vector<uint8_t> data;
    std::weak_ptr<Connection> connection;
    std::function<void()> ready;
};

class TcpListener::Connection final : public Sink, public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(TcpListener& listener)
        : listener_(listener),
          wait_(listener.runner_.loop(), [this] { waited(); }),
          stuck_(listener.runner_.loop(), [this] { close(); }) {
        uv_tcp_init(listener.runner_.loop().raw(), stream_->get());
        (*stream_)->data = this;
    }

    /// False if there is no connection to accept after all, or too many.
    bool begin(uv_stream_t* from) {
        if (uv_accept(from, stream()) != 0) return false;
        uv_tcp_nodelay(stream_->get(), 1);
        whence_.client = endpoint_of(stream_->get(), uv_tcp_getpeername, &whence_.interface);
        whence_.local = endpoint_of(stream_->get(), uv_tcp_getsockname, nullptr);
        whence_.proto = Proto::tcp;
        return true;
    }
    void serve() {
        wait_.start(listener_.limits_.first);
        read_on();
    }
    const net::Ip& client() const { return whence_.client.ip; }

    void deliver(Query& q) override {
        pending_--;
        if (!closed_ && q.outcome() != Query::Outcome::dropped) send(q, {});
        if (closed_) {
            if (pending_ == 0) listener_.bury(*this);
        } else {
            consume();
        }
    }

    bool part(Query& q, const std::function<void()>& ready) override {
        if (closed_) return false;
        send(q, ready);
        q.reply.answer.clear();
        q.reply.authority.clear();
        q.reply.additional.clear();
        return !closed_;
    }

    /// Idle ones are closed at once, the others when their answers are sent.
    void retire() {
        stop_reading();
        if (pending_ == 0 && unsent_ == 0) close();
    }

    void close() {
        if (closed_) return;
        closed_ = true;
        wait_.stop();
        stuck_.stop();
        stream_.reset();
        if (pending_ == 0) listener_.bury(*this);
    }

  private:
    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(stream_->get()); }

    void waited() {
        if (pending_ == 0 && unsent_ == 0) return close();
        wait_.start(listener_.limits_.idle);
    }

    /// No more questions; the connection ends with its last answer.
    bool draining() const { return ended_ || listener_.retired_; }

    bool full() const {
        return pending_ >= listener_.limits_.questions || unsent_ > listener_.limits_.unsent;
    }

    void stop_reading() {
        if (reading_) uv_read_stop(stream());
        reading_ = false;
    }

    void read_on() {
        if (reading_ || closed_ || draining() || full()) return;
        reading_ = true;
        uv_read_start(
            stream(),
            [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
                auto& scratch = *static_cast<Connection*>(handle->data)->listener_.scratch_;
                *buffer = uv_buf_init(scratch.data(), static_cast<unsigned>(scratch.size()));
            },
            [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
                auto* self = static_cast<Connection*>(handle->data);
                if (count < 0) return self->end_of_input(count);
                const auto* bytes = reinterpret_cast<const uint8_t*>(buffer->base);
                self->in_.insert(self->in_.end(), bytes, bytes + count);
                self->consume();
            });
    }

    /// A client may close its half and still wait for answers.
    void end_of_input(ssize_t why) {
        if (why != UV_EOF) return close();
        ended_ = true;
        stop_reading();
        consume();
    }

    /// Takes whole questions off the buffer. A question may be answered, and the connection
    /// closed, before take() returns.
    void consume() {
        if (consuming_ || closed_) return;
        const auto alive = shared_from_this();
        consuming_ = true;
        size_t at = 0;
        while (!closed_ && !full() && !listener_.retired_ && in_.size() - at >= kPrefix) {
            const size_t length = static_cast<size_t>(in_[at]) << 8 | in_[at + 1];
            if (in_.size() - at - kPrefix < length) break;
            const Bytes message(in_.data() + at + kPrefix, length);
            at += kPrefix + length;
            pending_++;
            wait_.start(listener_.limits_.idle);
            listener_.runner_.take(message, *this, listener_.routes_, whence_);
        }
        in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
        consuming_ = false;
        if (closed_) return;
        if (full()) stop_reading();
        if (draining() && pending_ == 0 && unsent_ == 0) return close();
        read_on();
    }

    void send(Query& q, const std::function<void()>& ready) {
        static thread_local std::array<uint8_t, kPrefix + dns::kMaxMessage> out;
        const auto room = std::span(out).subspan(kPrefix);
        const size_t size = q.header_only()
                                ? encode_header_only(q.request.wire, q.reply.rcode, room)
                                : encode_reply(q.request, q.reply, q.limit(), room);
        out[0] = static_cast<uint8_t>(size >> 8);
        out[1] = static_cast<uint8_t>(size);
        auto write = std::make_unique<Write>();
        write->data.assign(out.begin(), out.begin() + static_cast<ptrdiff_t>(kPrefix + size));
        write->connection = weak_from_this();
        write->ready = ready;
        write->request.data = write.get();
        unsent_ += write->data.size();
        if (!stuck_.active()) stuck_.start(listener_.limits_.write);
        const auto buffer = uv_buf_init(reinterpret_cast<char*>(write->data.data()),
                                        static_cast<unsigned>(write->data.size()));
        const int status =
            uv_write(&write->request, stream(), &buffer, 1, [](uv_write_t* r, int s) {
                const std::unique_ptr<Write> done(static_cast<Write*>(r->data));
                const auto self = done->connection.lock();
                if (self != nullptr) self->written(*done, s);
            });
        if (status != 0) {
            unsent_ -= write->data.size();
            return close();
        }
        static_cast<void>(write.release());  // freed in the callback
    }

    void written(Write& write, int status) {
        unsent_ -= write.data.size();
        stuck_.stop();
        if (status != 0) {
            close();
        } else if (unsent_ > 0) {
            stuck_.start(listener_.limits_.write);
        }
        if (write.ready) write.ready();
        consume();
    }

    TcpListener& listener_;
    Whence whence_;
    std::vector<uint8_t> in_;
    size_t pending_ = 0;  // questions under way
    size_t unsent_ = 0;   // bytes
    bool reading_ = false;
    bool consuming_ = false;
    bool ended_ = false;  // the client has closed its half
    bool closed_ = false;
    run::Timer wait_;   // for the next question
    run::Timer stuck_;  // for an answer to be taken
    std::optional<run::OwnedHandle<uv_tcp_t>> stream_{std::in_place};
};

TcpListener::TcpListener(Runner& runner, Fd fd, const net::Endpoint& at, const TcpLimits& limits)
    : runner_(runner),
      at_(at),
      limits_(limits),
      scratch_(std::make_unique<std::array<char, 65536>>()),
      sweep_(runner.loop(), [this] { dead_.clear(); }) {
    uv_tcp_init(runner.loop().raw(), handle_->get());
    (*handle_)->data = this;
    uv_tcp_open(handle_->get(), fd.release());
    uv_listen(reinterpret_cast<uv_stream_t*>(handle_->get()), 1024, [](uv_stream_t* s, int status) {
        if (status == 0) static_cast<TcpListener*>(s->data)->accept();
    });
}

TcpListener::~TcpListener() = default;

void TcpListener::accept() {
    auto connection = std::make_shared<Connection>(*this);
    if (!connection->begin(reinterpret_cast<uv_stream_t*>(handle_->get()))) return;
    auto& of_address = of_address_[connection->client()];
    of_address++;
    auto* raw = connection.get();
    connections_.emplace(raw, std::move(connection));
    const bool too_many = connections_.size() > limits_.connections ||
                          of_address > limits_.connections_of_one_address;
    too_many ? raw->close() : raw->serve();
}

void TcpListener::bury(Connection& connection) {
    const auto found = connections_.find(&connection);
    if (found == connections_.end()) return;
    const auto of_address = of_address_.find(connection.client());
    if (--of_address->second == 0) of_address_.erase(of_address);
    dead_.push_back(std::move(found->second));
    connections_.erase(found);
    sweep_.start(run::Milliseconds(0));
}

void TcpListener::retire() {
    retired_ = true;
    handle_.reset();
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [raw, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->retire();
}

}  // namespace ipref::resolver
