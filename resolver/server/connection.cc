// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/connection.h"

#include <utility>

namespace ipref::resolver {

namespace {

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

/// Bytes on their way to the kernel.
struct Connection::Write {
    uv_write_t request{};
    std::vector<uint8_t> data;
    std::weak_ptr<Connection> connection;
    std::function<void()> ready;
};

Connection::Connection(TcpListener& listener)
    : listener_(listener),
      times_(listener.times()),
      wait_(listener.runner().loop(), [this] { waited(); }),
      stuck_(listener.runner().loop(), [this] { close(); }) {
    uv_tcp_init(listener.runner().loop().raw(), stream_->get());
    (*stream_)->data = this;
}

bool Connection::begin(uv_stream_t* from) {
    if (uv_accept(from, stream()) != 0) return false;
    uv_tcp_nodelay(stream_->get(), 1);
    whence_.client = endpoint_of(stream_->get(), uv_tcp_getpeername, &whence_.interface);
    whence_.local = endpoint_of(stream_->get(), uv_tcp_getsockname, nullptr);
    whence_.proto = listener_.proto();
    return true;
}

void Connection::serve(const tls::Context* context, const tls::Protocols& protocols) {
    if (context != nullptr) tls_.emplace(tls::Session::server(*context, protocols));
    wait_.start(times_.read);
    read_on();
}

void Connection::retire() {
    stop_reading();
    if (idle()) close();
}

void Connection::close() {
    if (closed_) return;
    closed_ = true;
    wait_.stop();
    stuck_.stop();
    if (tls_) {
        tls_->close();
        auto bytes = tls_->take_cipher();
        const auto buffer =
            uv_buf_init(reinterpret_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
        if (!bytes.empty() && unsent_ == 0) uv_try_write(stream(), &buffer, 1);
    }
    stream_.reset();
    if (pending_ == 0) listener_.bury(*this);
}

run::Milliseconds Connection::idle_time() const {
    return listener_.table().crowded() ? times_.idle / 10 : times_.idle;
}

void Connection::waited() {
    if (idle()) return close();
    wait_.start(idle_time());
}

bool Connection::draining() const {
    return ended_ || listener_.retired();
}

bool Connection::full() const {
    return pending_ >= listener_.limits().questions || unsent_ > listener_.limits().unsent;
}

void Connection::stop_reading() {
    if (reading_) uv_read_stop(stream());
    reading_ = false;
}

void Connection::read_on() {
    if (reading_ || closed_ || draining() || full()) return;
    reading_ = true;
    uv_read_start(
        stream(),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
            auto& scratch = static_cast<Connection*>(handle->data)->listener_.scratch();
            *buffer = uv_buf_init(scratch.data(), static_cast<unsigned>(scratch.size()));
        },
        [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
            static_cast<Connection*>(handle->data)->arrived(count, buffer);
        });
}

void Connection::arrived(ssize_t count, const uv_buf_t* buffer) {
    if (count == 0) return;
    const auto alive = shared_from_this();
    if (count < 0) return end_of_input(count);
    const Bytes bytes(reinterpret_cast<const uint8_t*>(buffer->base), static_cast<size_t>(count));
    tls_ ? decrypt(bytes) : received(bytes);
}

void Connection::decrypt(Bytes bytes) {
    const bool good = tls_->received(bytes).has_value();
    if (auto cipher = tls_->take_cipher(); !cipher.empty()) send(std::move(cipher), {});
    if (!good) return close();
    const auto plain = tls_->take_plain();
    if (!plain.empty() && !closed_) received(plain);
    if (!closed_ && tls_->ended()) end_of_input(UV_EOF);
}

/// A client may close its half and still wait for answers.
void Connection::end_of_input(ssize_t why) {
    if (why != UV_EOF) return close();
    ended_ = true;
    stop_reading();
    proceed();
    go_on();
}

void Connection::question_began() {
    pending_++;
    wait_.start(idle_time());
}

bool Connection::question_ended() {
    pending_--;
    if (!closed_) return true;
    if (pending_ == 0) listener_.bury(*this);
    return false;
}

void Connection::go_on() {
    if (closed_) return;
    if (full()) stop_reading();
    if (draining() && idle()) return close();
    read_on();
}

void Connection::write(Bytes bytes, std::function<void()> ready) {
    if (!tls_) return send({bytes.begin(), bytes.end()}, std::move(ready));
    if (!tls_->send(bytes)) return close();
    send(tls_->take_cipher(), std::move(ready));
}

void Connection::expect_progress() {
    if (!stuck_.active()) stuck_.start(times_.write);
}

void Connection::progressed() {
    stuck_.stop();
    if (unsent_ > 0) expect_progress();
}

void Connection::send(std::vector<uint8_t> bytes, std::function<void()> ready) {
    if (unsent_ + bytes.size() > listener_.limits().most_unsent) return close();
    auto write = std::make_unique<Write>();
    write->data = std::move(bytes);
    write->connection = weak_from_this();
    write->ready = std::move(ready);
    write->request.data = write.get();
    unsent_ += write->data.size();
    expect_progress();
    const auto buffer = uv_buf_init(reinterpret_cast<char*>(write->data.data()),
                                    static_cast<unsigned>(write->data.size()));
    const int status = uv_write(&write->request, stream(), &buffer, 1, [](uv_write_t* r, int s) {
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

void Connection::written(Write& write, int status) {
    unsent_ -= write.data.size();
    progressed();
    if (status != 0) close();
    if (write.ready) write.ready();
    if (closed_) return;
    proceed();
    go_on();
}

}  // namespace ipref::resolver
