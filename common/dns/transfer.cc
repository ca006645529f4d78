// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/transfer.h"

#include <sys/socket.h>

#include <algorithm>

namespace ipref::dns {

namespace {

constexpr size_t kBuffer = 65536;

Transfer* owner_of(uv_tcp_t* socket) {
    return static_cast<Transfer*>(socket->data);
}

std::string seconds(run::Milliseconds time) {
    return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace

Transfer::Transfer(run::Loop& loop, const net::Endpoint& server, AnswerStream& stream,
                   std::vector<uint8_t> query, TransferLimits limits, Callback callback)
    : loop_(loop),
      stream_(stream),
      query_(std::move(query)),
      limits_(limits),
      callback_(std::move(callback)),
      until_(loop.now() + limits.whole),
      buffer_(kBuffer),
      timer_(loop, [this] { time_out(); }) {
    connect(server);
}

void Transfer::connect(const net::Endpoint& server) {
    sockaddr_storage address{};
    server.to(address);
    uv_tcp_init(loop_.raw(), socket_.get());
    socket_->data = this;
    // libuv calls back even when the handle was closed and we are gone: with UV_ECANCELED.
    auto* request = new uv_connect_t;
    request->data = this;
    const int status =
        uv_tcp_connect(request, socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                       [](uv_connect_t* done, int result) {
                           auto* self = static_cast<Transfer*>(done->data);
                           delete done;
                           if (result != UV_ECANCELED) self->connected(result);
                       });
    if (status != 0) {
        delete request;
        early_ = uv_strerror(status);
    }
    timer_.start(status == 0 ? limits_.connect : run::Milliseconds(0));
}

void Transfer::connected(int status) {
    if (finished_) return;
    if (status != 0) return fail(fmt::format("no connection: {}", uv_strerror(status)));
    connected_ = true;
    auto bytes =
        uv_buf_init(reinterpret_cast<char*>(query_.data()), static_cast<unsigned>(query_.size()));
    // A fresh connection takes a query of some 300 bytes at once.
    const int sent = uv_try_write(reinterpret_cast<uv_stream_t*>(socket_.get()), &bytes, 1);
    if (sent != static_cast<int>(query_.size())) {
        return fail(fmt::format("the query was not sent: {}",
                                sent < 0 ? uv_strerror(sent) : "connection is full"));
    }
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(socket_.get()),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
            auto& space = owner_of(reinterpret_cast<uv_tcp_t*>(handle))->buffer_;
            *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
        },
        [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
            if (count != 0) owner_of(reinterpret_cast<uv_tcp_t*>(stream))->read(count);
        });
    timer_.start(limits_.silence);
}

void Transfer::read(ssize_t count) {
    if (finished_) return;
    if (count == UV_EOF) return finish(tl::unexpected(stream_.cut_short()));
    if (count < 0) return fail(uv_strerror(static_cast<int>(count)));
    bytes_ += static_cast<size_t>(count);
    if (bytes_ > limits_.bytes) {
        return fail(fmt::format("it sends more than {} bytes", limits_.bytes),
                    TransferError::Limit::bytes);
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(buffer_.data());
    if (auto fed = stream_.feed({bytes, static_cast<size_t>(count)}); !fed) {
        return finish(tl::unexpected(fed.error()));
    }
    if (stream_.done()) return finish({});
    const auto left = std::max(run::Milliseconds(0), until_ - loop_.now());
    timer_.start(std::min(limits_.silence, left));
}

void Transfer::time_out() {
    if (finished_) return;
    if (!early_.empty()) return fail("no connection: " + early_);
    if (!connected_) return fail("no connection in time");
    using Limit = TransferError::Limit;
    if (loop_.now() >= until_) {
        return fail(fmt::format("it takes more than {}", seconds(limits_.whole)), Limit::whole);
    }
    fail(fmt::format("the server has sent nothing for {}", seconds(limits_.silence)),
         Limit::silence);
}

void Transfer::fail(std::string text, TransferError::Limit limit) {
    const bool answered = limit == TransferError::Limit::bytes;
    finish(tl::unexpected(TransferError{false, std::move(text), answered, limit}));
}

void Transfer::finish(TransferStep result) {
    finished_ = true;
    timer_.stop();
    if (connected_) uv_read_stop(reinterpret_cast<uv_stream_t*>(socket_.get()));
    callback_(std::move(result));
}

}  // namespace ipref::dns
