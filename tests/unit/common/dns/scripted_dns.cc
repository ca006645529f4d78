// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/common/dns/scripted_dns.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "unit/catch.h"

namespace ipref::test {

namespace {

void must(bool fine, const char* what) {
    if (!fine) throw std::runtime_error(what);
}

int bound(int type, net::Endpoint& at) {
    const int fd =
        socket(at.ip.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage address;
    socklen_t size = at.to(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd, raw, size) != 0) {
        close(fd);
        return -1;
    }
    size = sizeof address;
    must(getsockname(fd, raw, &size) == 0, "getsockname");
    at = net::Endpoint::from(raw);
    return fd;
}

}  // namespace

struct ScriptedDns::Peer {
    explicit Peer(int with) : fd(with) {}
    ~Peer() {
        poll.reset();
        close(fd);
    }
    int fd;
    std::unique_ptr<run::Poll> poll;
    Message in;
};

ScriptedDns::ScriptedDns(run::Loop& loop, Script script, const std::string& address)
    : loop_(loop), script_(std::move(script)) {
    for (int i = 0; i < 50 && udp_ < 0; i++) {  // a port that is free for both
        at_ = {*net::Ip::parse(address), 0};
        tcp_ = bound(SOCK_STREAM, at_);
        udp_ = bound(SOCK_DGRAM, at_);
        if (udp_ < 0) close(tcp_);
    }
    must(udp_ >= 0 && listen(tcp_, 16) == 0, "listen");
    udp_poll_ = std::make_unique<run::Poll>(loop, udp_, [this](int) { on_udp(); });
    tcp_poll_ = std::make_unique<run::Poll>(loop, tcp_, [this](int) { on_accept(); });
    udp_poll_->start(UV_READABLE);
    tcp_poll_->start(UV_READABLE);
}

ScriptedDns::~ScriptedDns() {
    peers_.clear();
    udp_poll_.reset();
    tcp_poll_.reset();
    close(udp_);
    close(tcp_);
}

void ScriptedDns::hang_up() {
    peers_.clear();
}

std::vector<Message> ScriptedDns::answer(Message query, bool tcp, const net::Endpoint& from) {
    dns::MessageReader reader(query);
    const auto question = reader.question();
    must(reader.ok() && question, "the query is malformed");
    asked_.push_back({query, reader.header(), *question, tcp, from});
    return script_(asked_.back());
}

void ScriptedDns::on_udp() {
    std::array<uint8_t, 65536> space;
    sockaddr_storage from;
    socklen_t size = sizeof from;
    auto* raw = reinterpret_cast<sockaddr*>(&from);
    const auto got = recvfrom(udp_, space.data(), space.size(), 0, raw, &size);
    if (got <= 0) return;
    for (const auto& reply :
         answer({space.begin(), space.begin() + got}, false, net::Endpoint::from(raw))) {
        sendto(udp_, reply.data(), reply.size(), 0, raw, size);
    }
}

void ScriptedDns::on_accept() {
    const int fd = accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    accepted_++;
    peers_.push_back(std::make_unique<Peer>(fd));
    Peer& peer = *peers_.back();
    peer.poll = std::make_unique<run::Poll>(loop_, fd, [this, &peer](int) { on_peer(peer); });
    peer.poll->start(UV_READABLE);
}

void ScriptedDns::on_peer(Peer& peer) {
    std::array<uint8_t, 65536> space;
    const auto got = recv(peer.fd, space.data(), space.size(), 0);
    if (got <= 0) {
        peers_.remove_if([&](const auto& one) { return one.get() == &peer; });
        return;
    }
    peer.in.insert(peer.in.end(), space.begin(), space.begin() + got);
    while (peer.in.size() >= 2) {
        const size_t size = static_cast<size_t>(peer.in[0]) << 8 | peer.in[1];
        if (peer.in.size() < size + 2) return;
        const Message query(peer.in.begin() + 2, peer.in.begin() + 2 + static_cast<long>(size));
        peer.in.erase(peer.in.begin(), peer.in.begin() + 2 + static_cast<long>(size));
        const int fd = peer.fd;
        for (const auto& reply : answer(query, true, {})) {
            Message framed = {static_cast<uint8_t>(reply.size() >> 8),
                              static_cast<uint8_t>(reply.size())};
            framed.insert(framed.end(), reply.begin(), reply.end());
            must(send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) ==
                     static_cast<ssize_t>(framed.size()),
                 "send");
        }
    }
}

net::Endpoint nobody() {
    net::Endpoint at{*net::Ip::parse("127.0.0.1"), 0};
    close(bound(SOCK_DGRAM, at));
    return at;
}

Message query_for(const std::string& name, uint16_t type, uint16_t id, bool edns) {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({*dns::Name::parse(name), type, dns::klass::kIn});
    if (edns) writer.edns({});
    const auto message = writer.finish(id, dns::flag::kRd);
    return {message.begin(), message.end()};
}

Message reply_to(const Message& query, uint16_t flags, const std::vector<std::string>& records,
                 const std::vector<std::string>& authority,
                 const std::vector<std::string>& additional) {
    dns::MessageReader reader(query);
    const auto question = reader.question();
    Message space(65535);
    dns::MessageWriter writer(space);
    must(question && writer.question(*question), "question");
    const auto add = [&](dns::Section section, const std::vector<std::string>& lines) {
        for (const auto& line : lines) {
            const auto record = dns::parse_record(line);
            if (!record) throw std::runtime_error(record.error().text);
            must(writer.record(section, *record), "record");
        }
    };
    add(dns::Section::answer, records);
    add(dns::Section::authority, authority);
    add(dns::Section::additional, additional);
    const auto kept = static_cast<uint16_t>(reader.header().flags & dns::flag::kRd);
    const auto message =
        writer.finish(reader.header().id, static_cast<uint16_t>(dns::flag::kQr | kept | flags));
    return {message.begin(), message.end()};
}

void run_until(run::Loop& loop, const std::function<bool()>& done) {
    bool late = false;
    run::Timer guard(loop, [&] {
        late = true;
        loop.stop();
    });
    guard.start(run::Milliseconds(20'000));
    struct Watch {
        run::Loop& loop;
        const std::function<bool()>& done;
    } watch{loop, done};
    // Before each wait of the loop: what its timers did may have been all.
    const run::OwnedHandle<uv_prepare_t> prepare;
    uv_prepare_init(loop.raw(), prepare.get());
    prepare->data = &watch;
    uv_prepare_start(prepare.get(), [](uv_prepare_t* handle) {
        const auto* self = static_cast<Watch*>(handle->data);
        if (self->done()) self->loop.stop();
    });
    if (!done()) loop.run();
    REQUIRE_FALSE(late);
}

}  // namespace ipref::test
