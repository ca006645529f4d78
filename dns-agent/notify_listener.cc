// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/notify_listener.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/run/unix_time.h"

namespace ipref::agent {

namespace {

constexpr int kDatagramsATurn = 32;

/// Who speaks IPv4 to an IPv6 socket.
net::Ip unmapped(const net::Ip& ip) {
    constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip.is_v4() || std::memcmp(ip.data(), kPrefix.data(), kPrefix.size()) != 0) return ip;
    return net::Ip(net::Family::v4, ip.data() + kPrefix.size());
}

std::vector<uint8_t> answer_to(const dns::Question& question, uint16_t id, uint16_t rcode) {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question(question);
    const auto bytes = writer.finish(id, static_cast<uint16_t>(dns::flag::kQr | dns::flag::kAa |
                                                               dns::opcode::kNotify << 11 | rcode));
    return {bytes.begin(), bytes.end()};
}

Result<run::Fd> bound(int type, const net::Endpoint& at) {
    sockaddr_storage address{};
    const auto size = at.to(address);
    run::Fd fd(socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail("-notify {}: {}", at.str(), std::strerror(errno));
    // Connections that have ended do not keep the port from the next agent.
    const int on = 1;
    if (type == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        return fail("-notify {}: {}; is it an address of this host, and the port free?", at.str(),
                    std::strerror(errno));
    }
    return fd;
}

net::Endpoint address_of(const run::Fd& fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

uint64_t seconds_now() {
    return static_cast<uint64_t>(run::unix_time());
}

}  // namespace

NotifyAnswer answer_notify(dns::Bytes datagram, const dns::TsigKey* key, uint64_t unix_seconds,
                           const std::function<Heard(const dns::Name& zone)>& heard) {
    dns::MessageReader reader(datagram);
    const auto& header = reader.header();
    if (!reader.ok() || header.has(dns::flag::kQr) || header.opcode() != dns::opcode::kNotify) {
        return {{}, "it is no NOTIFY", false};
    }
    const auto question = reader.question();
    if (!question || header.questions != 1 || question->type != dns::rr::kSoa ||
        question->klass != dns::klass::kIn) {
        return {{}, "it does not name one zone", false};
    }
    std::optional<dns::TsigSession> session;
    if (key != nullptr) {
        session.emplace(*key);
        const auto proven = session->verify(datagram, unix_seconds);
        if (!proven) {
            return {answer_to(*question, header.id, dns::rcode::kNotAuth),
                    fmt::format("NOTIFY for {}: {}; let the server sign it with key {}",
                                question->name.str(), proven.error().text, key->name.str()),
                    false};
        }
    }
    const auto what = heard(question->name);
    if (what == Heard::no_server) return {{}, "it is no server of ours", false};
    const bool taken = what == Heard::taken;
    auto bytes =
        answer_to(*question, header.id, taken ? dns::rcode::kNoError : dns::rcode::kNotAuth);
    if (session) bytes = session->sign(bytes, unix_seconds);
    if (taken) return {std::move(bytes), "", true};
    return {std::move(bytes),
            fmt::format("NOTIFY for {}, which is not asked from there", question->name.str()),
            false};
}

Result<std::unique_ptr<NotifyListener>> NotifyListener::make(run::Loop& loop,
                                                             const net::Endpoint& at,
                                                             const dns::TsigKey* key,
                                                             run::Metrics& metrics, Heed heed) {
    auto datagrams = bound(SOCK_DGRAM, at);
    if (!datagrams) return tl::unexpected(datagrams.error());
    auto streams = bound(SOCK_STREAM, {at.ip, address_of(*datagrams).port});
    if (!streams) return tl::unexpected(streams.error());
    if (listen(streams->get(), NotifyStreams::kMost) != 0) {
        return fail("-notify {}: {}", at.str(), std::strerror(errno));
    }
    return std::unique_ptr<NotifyListener>(new NotifyListener(
        loop, std::move(*datagrams), std::move(*streams), key, metrics, std::move(heed)));
}

NotifyListener::NotifyListener(run::Loop& loop, run::Fd datagrams, run::Fd streams,
                               const dns::TsigKey* key, run::Metrics& metrics, Heed heed)
    : fd_(std::move(datagrams)),
      key_(key),
      taken_(metrics.counter("ipref_dns_agent_notifies_total", "NOTIFY messages that came.",
                             {{"result", "taken"}})),
      refused_(metrics.counter("ipref_dns_agent_notifies_total", "NOTIFY messages that came.",
                               {{"result", "refused"}})),
      heed_(std::move(heed)),
      poll_(loop, fd_.get(), [this](int) { read(); }),
      streams_(
          loop, std::move(streams),
          {.welcome = [this](const auto& from) { return is_server(from); },
           .answer = [this](auto message, const auto& from) { return answer(message, from); }}) {
    poll_.start(UV_READABLE);
}

net::Endpoint NotifyListener::at() const {
    return address_of(fd_);
}

void NotifyListener::read() {
    std::array<uint8_t, 1500> space;
    for (int i = 0; i < kDatagramsATurn; i++) {
        sockaddr_storage from{};
        socklen_t from_size = sizeof from;
        const auto size = recvfrom(fd_.get(), space.data(), space.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 0) return;
        const auto endpoint = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&from));
        const auto reply = answer({space.data(), static_cast<size_t>(size)}, endpoint);
        if (reply.empty()) continue;
        // Lost, it is asked again.
        (void)sendto(fd_.get(), reply.data(), reply.size(), 0,
                     reinterpret_cast<const sockaddr*>(&from), from_size);
    }
}

bool NotifyListener::is_server(const net::Endpoint& from) const {
    return heed_(dns::Name(), unmapped(from.ip)) != Heard::no_server;
}

std::vector<uint8_t> NotifyListener::answer(dns::Bytes message, const net::Endpoint& from) {
    // A key costs work: only who may speak at all is checked.
    auto answer =
        is_server(from)
            ? answer_notify(message, key_, seconds_now(),
                            [&](const dns::Name& zone) { return heed_(zone, unmapped(from.ip)); })
            : NotifyAnswer{{}, "it is no server of ours", false};
    (answer.taken ? taken_ : refused_).add();
    uint64_t before = 0;
    if (!answer.taken && limit_.allow(std::chrono::steady_clock::now(), before)) {
        run::log_warning("notify: {} is ignored: {} ({} more before)", from.str(), answer.flaw,
                         before);
    }
    return std::move(answer.bytes);
}

}  // namespace ipref::agent
