// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ipref::gw {

namespace {

constexpr int kRecordsATurn = 64;  // then the other clients
constexpr run::Milliseconds kReadAgain{10};
constexpr int64_t kThousand = 1000;

// Longer than any record of either protocol; one for all connections, as each record is done with
// before the next is read. Of the loop's thread.
std::vector<uint8_t>& buffer() {
    static std::vector<uint8_t> bytes(256 << 10);
    return bytes;
}

}  // namespace

ServerConnection::ServerConnection(run::Loop& loop, int fd, const Limits& limits, Events events)
    : loop_(loop),
      descriptor_{fd},
      limits_(limits),
      events_(std::move(events)),
      records_left_(limits.records_per_second * kThousand),
      bytes_left_(limits.bytes_per_second * kThousand),
      filled_(loop.now()),
      poll_(loop, fd, [this](int got) { ready(got); }),
      ending_(loop,
              [this] {
                  const auto ended = events_.ended;  // it destroys this
                  ended(end_);
              }),
      again_(loop, [this] {
          hasty_ = false;
          watch();
      }) {
    watch();
}

ServerConnection::Descriptor::~Descriptor() {
    close(fd);
}

void ServerConnection::watch() {
    if (!end_.empty()) return poll_.stop();
    // While answers wait in the queue no more requests are read: the queue stays short.
    const bool reading = !paused_ && !hasty_ && queue_.empty();
    const int events = (reading ? UV_READABLE : 0) | (queue_.empty() ? 0 : UV_WRITABLE);
    events == 0 ? poll_.start(UV_DISCONNECT) : poll_.start(events);
}

void ServerConnection::ready(int events) {
    if ((events & UV_WRITABLE) != 0) write();
    if ((events & UV_READABLE) != 0 && end_.empty()) read();
    if ((events & UV_DISCONNECT) != 0 && end_.empty()) end("it has closed the connection");
    watch();
}

bool ServerConnection::hung_up() const {
    pollfd one{descriptor_.fd, POLLIN | POLLRDHUP, 0};
    return poll(&one, 1, 0) != 1 || (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool ServerConnection::within_rate() {
    const auto refill = [passed = (loop_.now() - filled_).count()](int64_t left, int64_t rate) {
        return std::min(rate * kThousand, left + rate * std::min<int64_t>(passed, kThousand));
    };
    records_left_ = refill(records_left_, limits_.records_per_second);
    bytes_left_ = refill(bytes_left_, limits_.bytes_per_second);
    filled_ = loop_.now();
    hasty_ = records_left_ < kThousand || bytes_left_ <= 0;
    if (hasty_) again_.start(kReadAgain);
    return !hasty_;
}

void ServerConnection::read() {
    for (int i = 0; i < kRecordsATurn && !paused_ && queue_.empty() && end_.empty(); i++) {
        if (!within_rate()) return;
        auto& bytes = buffer();
        const ssize_t got =
            recv(descriptor_.fd, bytes.data(), bytes.size(), MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) end(std::strerror(errno));
            return;
        }
        records_left_ -= kThousand;
        bytes_left_ -= std::min<int64_t>(got, static_cast<int64_t>(bytes.size())) * kThousand;
        if (got == 0) {
            if (hung_up()) return end("it has closed the connection");
            events_.malformed("record is empty");
        } else if (static_cast<size_t>(got) > bytes.size()) {
            events_.malformed(
                fmt::format("record has {} bytes, {} are the most", got, bytes.size()));
        } else {
            events_.record({bytes.data(), static_cast<size_t>(got)});
        }
    }
}

void ServerConnection::write() {
    while (!queue_.empty()) {
        const Record& record = queue_.front();
        const ssize_t sent =
            ::send(descriptor_.fd, record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == ENOBUFS) return;
            return end(std::strerror(errno));
        }
        queued_bytes_ -= record.size();
        queue_.pop_front();
    }
}

void ServerConnection::send(Record record) {
    if (!end_.empty() || record.empty()) return;
    const bool first = queue_.empty();
    queued_bytes_ += record.size();
    queue_.push_back(std::move(record));
    if (first) write();
    if (queued_bytes_ > limits_.queue_bytes) {
        end(fmt::format("it does not read its answers: {} bytes wait", queued_bytes_));
    }
    watch();
}

void ServerConnection::pause(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    watch();
}

void ServerConnection::end(std::string why) {
    if (!end_.empty()) return;
    end_ = std::move(why);
    queue_.clear();
    queued_bytes_ = 0;
    poll_.stop();
    ending_.start(run::Milliseconds(0));
}

}  // namespace ipref::gw
