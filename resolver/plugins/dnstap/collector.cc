// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnstap/collector.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/run/log.h"

namespace ipref::resolver::dnstap {

namespace {

constexpr const char* kContentType = "protobuf:dnstap.Dnstap";
constexpr run::Milliseconds kPatience(5'000);  // with a look-up, a connection and its greeting
constexpr run::Milliseconds kLongestPause(30'000);
constexpr run::Milliseconds kBetweenWarnings(60'000);

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Collector::Collector(run::Loop& loop, const CollectorOptions& options)
    : loop_(loop),
      options_(options),
      pause_(options.retry),
      stream_(kContentType),
      timer_(loop, [this] { on_time(); }),
      flush_(loop, [this] {
          flush_.stop();
          if (state_ == State::open) write();
      }) {
    timer_.start(run::Milliseconds(0));
}

Collector::~Collector() {
    if (state_ != State::open) return;
    told_ = true;  // there is no next try to tell of
    const auto stop = FrameStream::stop();
    queue_.insert(queue_.end(), stop.begin(), stop.end());
    write();
}

void Collector::add(Bytes message) {
    const size_t waiting = queue_.size() + out_.size() - sent_;
    if (frames_ >= options_.most_frames || waiting + message.size() > options_.most_bytes) {
        return drop();
    }
    FrameStream::append(queue_, message);
    frames_++;
    if (state_ == State::open && out_.empty()) flush_.start();
}

void Collector::drop() {
    options_.dropped->add();
    drops_++;
    if (loop_.now() < next_warning_) return;
    run::log_warning(
        "plugin/dnstap: Dropped dnstap messages: {}; {} does not take them fast enough",
        std::exchange(drops_, 0), options_.text);
    next_warning_ = loop_.now() + kBetweenWarnings;
}

// ---- a connection

void Collector::on_time() {
    if (state_ == State::waiting) return connect();
    lost("it does not answer in time");
}

void Collector::connect() {
    poll_.reset();
    fd_.reset();
    out_.clear();
    sent_ = 0;
    stream_ = FrameStream(kContentType);
    session_.reset();
    timer_.start(kPatience);
    if (!options_.path.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, options_.path.data(), options_.path.size());
        return begin(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    if (const auto ip = net::Ip::parse(options_.host)) return connect_to({*ip, options_.port});
    state_ = State::resolving;
    auto resolver = dns::Resolver::make(loop_, {});
    if (!resolver) return lost(resolver.error().text);
    resolver_ = std::move(*resolver);
    resolve(dns::rr::kA);
}

void Collector::resolve(uint16_t type) {
    const auto name = dns::Name::parse(options_.host);
    resolver_->query(*name, type, [this, type](const Result<dns::Answer>& answer) {
        if (state_ != State::resolving) return;
        const auto ips = answer ? answer->ips() : std::vector<net::Ip>();
        if (!ips.empty()) return connect_to({ips.front(), options_.port});
        if (type == dns::rr::kA) return resolve(dns::rr::kAaaa);
        lost(answer ? "its name has no address" : answer.error().text);
    });
}

void Collector::connect_to(const net::Endpoint& at) {
    sockaddr_storage address{};
    const auto size = at.to(address);
    begin(address.ss_family, reinterpret_cast<const sockaddr*>(&address), size);
}

void Collector::begin(int family, const sockaddr* address, unsigned size) {
    state_ = State::connecting;
    fd_ = run::Fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) return lost(std::strerror(errno));
    if (options_.send_buffer > 0 && family != AF_UNIX) {
        const int bytes = static_cast<int>(options_.send_buffer);
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    if (::connect(fd_.get(), address, size) != 0 && errno != EINPROGRESS) {
        return lost(std::strerror(errno));
    }
    poll_.emplace(loop_, fd_.get(), [this](int events) { on_poll(events); });
    poll_->start(UV_WRITABLE);
}

void Collector::on_poll(int events) {
    if (state_ == State::connecting) return connected();
    if ((events & UV_READABLE) != 0) read();
    if ((events & UV_WRITABLE) != 0 && state_ != State::waiting) write();
}

void Collector::connected() {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return lost(std::strerror(error));
    state_ = State::greeting;
    if (options_.tls) {
        auto session = tls::Session::client(*options_.tls, options_.host, {});
        if (!session) return lost(session.error().text);
        session_.emplace(std::move(*session));
    }
    send(stream_.ready());
}

/// The end of this connection; the next one is made after a pause.
void Collector::lost(const std::string& why) {
    if (!std::exchange(told_, true)) {
        run::log_error("plugin/dnstap: No connection to dnstap endpoint: {}: {}", options_.text,
                       why);
    }
    state_ = State::waiting;
    if (poll_) poll_->stop();
    if (fd_) shutdown(fd_.get(), SHUT_RDWR);
    flush_.stop();
    timer_.start(pause_);
    pause_ = std::min(pause_ * 2, kLongestPause);
}

// ---- bytes

void Collector::read() {
    std::array<uint8_t, 4096> space;
    const auto got = recv(fd_.get(), space.data(), space.size(), 0);
    if (got < 0 && (would_block(errno) || errno == EINTR)) return;
    if (got < 0) return lost(std::strerror(errno));
    if (got == 0) return lost("it closed the connection");
    const Bytes bytes(space.data(), static_cast<size_t>(got));
    if (!session_) {
        if (take(bytes)) write();
        return;
    }
    const auto good = session_->received(bytes);
    if (!good) return lost(good.error().text);
    if (take(session_->take_plain())) write();
}

/// False: the connection is over.
bool Collector::take(Bytes plain) {
    const auto answer = stream_.received(plain);
    if (!answer) {
        lost(answer.error().text);
        return false;
    }
    if (!answer->empty()) send(*answer);
    if (state_ == State::greeting && stream_.started()) {
        state_ = State::open;
        timer_.stop();
        pause_ = options_.retry;
        if (std::exchange(told_, false)) {
            run::log_info("plugin/dnstap: connected to {}", options_.text);
        }
    }
    return state_ != State::waiting;
}

/// Control frames, which are few and small.
void Collector::send(Bytes plain) {
    if (!session_) {
        out_.insert(out_.end(), plain.begin(), plain.end());
    } else if (const auto sent = session_->send(plain); !sent) {
        return lost(sent.error().text);
    }
    write();
}

/// What comes next: what TLS has to say, then the frames that have waited.
void Collector::refill() {
    out_.clear();
    sent_ = 0;
    if (session_) out_ = session_->take_cipher();
    if (state_ != State::open || !out_.empty() || queue_.empty()) return;
    if (!session_) {
        out_.swap(queue_);
    } else {
        if (!session_->send(queue_)) return;  // read() learns why
        out_ = session_->take_cipher();
        queue_.clear();
    }
    frames_ = 0;
}

void Collector::write() {
    for (;;) {
        if (sent_ == out_.size()) refill();
        if (out_.empty()) break;
        const auto sent = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && would_block(errno)) return poll_->start(UV_READABLE | UV_WRITABLE);
        if (sent < 0) return lost(std::strerror(errno));
        sent_ += static_cast<size_t>(sent);
    }
    poll_->start(UV_READABLE);
}

}  // namespace ipref::resolver::dnstap
