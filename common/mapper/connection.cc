// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/mapper/connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/wire/mapper_frame.h"

namespace ipref::mapper {

namespace {

/// A turn of the loop is shared with others: no more than this many records at a time.
constexpr int kRecordsAtATime = 64;

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

namespace {

/// What may be behind an error of connect, and what to do.
std::string_view remedy(int error) {
    switch (error) {
        case ENOENT:
        case ECONNREFUSED:
            return "; does ipref-gw run, with this as its -mapper-socket?";
        case EACCES:
            return "; it takes membership in the socket's group, or root with -no-sandbox";
        case EPROTOTYPE:
            return "; something else than a gateway listens there";
        default:
            return "";
    }
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(run::Loop& loop, const std::string& path,
                                                     Events events) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail("{}: a socket's path has at most {} bytes", path, sizeof address.sun_path - 1);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail("{}: no socket: {}", path, std::strerror(errno));
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        ::close(fd);
        return fail("{}: {}{}", path, std::strerror(error), remedy(error));
    }
    return std::unique_ptr<Connection>(new Connection(loop, fd, std::move(events)));
}

Connection::Connection(run::Loop& loop, int fd, Events events)
    : fd_(fd),
      events_(std::move(events)),
      buffer_(wire::kFrameLimit),
      poll_(loop, fd, [this](int got) { on_poll(got); }),
      end_(loop, [this] {
          events_.ended(error_ == 0 ? "the gateway closed the connection" : std::strerror(error_));
      }) {
    poll_.start(UV_READABLE);
}

void Connection::send(std::vector<uint8_t> record) {
    if (ended_) return;
    queue_.push_back(std::move(record));
    if (queue_.size() == 1) write_queue();
}

void Connection::write_queue() {
    while (!queue_.empty()) {
        const auto& record = queue_.front();
        if (::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
            if (errno == EINTR) continue;
            if (!would_block(errno)) return broken(errno);
            poll_.start(UV_READABLE | UV_WRITABLE);
            return;
        }
        queue_.pop_front();
    }
}

void Connection::on_poll(int events) {
    if ((events & UV_WRITABLE) != 0 && !ended_ && !queue_.empty()) {
        write_queue();
        if (queue_.empty() && !ended_) {
            poll_.start(UV_READABLE);
            events_.idle();
        }
    }
    read_records();
}

void Connection::read_records() {
    for (int i = 0; i < kRecordsAtATime && !ended_; i++) {
        const auto got = recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (!would_block(errno)) broken(errno);
            return;
        }
        if (got == 0) return broken(0);
        // A record that is too long is cut by the kernel: leave it out, the others are whole.
        if (static_cast<size_t>(got) > buffer_.size()) continue;
        events_.record(wire::Bytes(buffer_).first(static_cast<size_t>(got)));
    }
}

void Connection::broken(int error) {
    if (ended_) return;
    close();
    error_ = error;
    end_.start(run::Milliseconds(0));
}

void Connection::close() {
    ended_ = true;
    queue_.clear();
    poll_.stop();
    end_.stop();
    shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace ipref::mapper
