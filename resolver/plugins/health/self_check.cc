// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/health/self_check.h"

#include <sys/socket.h>

#include <array>
#include <string_view>

#include "common/run/log.h"

namespace ipref::resolver {

namespace {

constexpr run::Milliseconds kPeriod(1000);
constexpr double kNanosecond = 1e-9;
constexpr double kSlow = 1.0;  // seconds: worth a line in the log
constexpr std::string_view kRequest = "GET /health HTTP/1.1\r\nHost: health\r\n\r\n";
constexpr std::string_view kGood = "HTTP/1.1 200 ";
constexpr size_t kMostAnswer = 4096;

net::Endpoint reachable(net::Endpoint at) {
    if (!at.ip.is_zero()) return at;
    return {*net::Ip::parse(at.ip.is_v4() ? "127.0.0.1" : "::1"), at.port};
}

}  // namespace

SelfCheck::Counts SelfCheck::counts(run::Metrics& metrics) {
    static const std::vector<double> kBounds = {0.00025, 0.0025, 0.025, 0.25, 2.5};
    return {&metrics.histogram("coredns_health_request_duration_seconds",
                               "Histogram of the time (in seconds) each request took.", kBounds),
            &metrics.counter("coredns_health_request_failures_total",
                             "The number of times the health check failed.")};
}

SelfCheck::SelfCheck(run::Loop& loop, const net::Endpoint& at, const Counts& counts)
    : loop_(loop), at_(reachable(at)), counts_(counts), timer_(loop, [this] { check(); }) {
    timer_.start(kPeriod, kPeriod);
}

void SelfCheck::check() {
    if (poll_) end(false);
    answer_.clear();
    began_ = uv_hrtime();
    sockaddr_storage address{};
    const auto size = at_.to(address);
    const int family = address.ss_family;
    socket_ = run::Fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return end(false);
    const int status = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), size);
    if (status != 0 && errno != EINPROGRESS) return end(false);
    poll_.emplace(loop_, socket_.get(), [this](int events) { turn(events); });
    poll_->start(UV_WRITABLE);
}

void SelfCheck::turn(int events) {
    if ((events & UV_WRITABLE) != 0) {
        const auto sent = send(socket_.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(kRequest.size())) return end(false);
        return poll_->start(UV_READABLE);
    }
    std::array<char, 512> space;
    const auto count = recv(socket_.get(), space.data(), space.size(), 0);
    if (count < 0) return end(false);
    if (count == 0) return end(answer_.starts_with(kGood));
    answer_.append(space.data(), static_cast<size_t>(count));
    if (answer_.size() > kMostAnswer) end(false);
}

void SelfCheck::end(bool good) {
    poll_.reset();
    socket_ = run::Fd();
    const double took = static_cast<double>(uv_hrtime() - began_) * kNanosecond;
    if (!good) {
        counts_.failures->add();
        run::log_warning("plugin/health: Local health request to \"http://{}/health\" failed",
                         at_.str());
        return;
    }
    counts_.seconds->observe(took);
    if (took > kSlow) {
        run::log_warning(
            "plugin/health: Local health request to \"http://{}/health\" took more "
            "than 1s: {:.1f}s",
            at_.str(), took);
    }
}

}  // namespace ipref::resolver
