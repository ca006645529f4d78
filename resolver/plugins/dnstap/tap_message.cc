// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnstap/tap_message.h"

#include <array>

#include "dnstap.pb.h"
#include "resolver/server/encode.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver::dnstap {

namespace {

using Wall = std::chrono::system_clock::time_point;

::dnstap::SocketProtocol protocol_of(Proto proto) {
    switch (proto) {
        case Proto::tcp:
            return ::dnstap::TCP;
        case Proto::tls:
            return ::dnstap::DOT;
        case Proto::https:
            return ::dnstap::DOH;
        default:
            return ::dnstap::UDP;
    }
}

/// When the query came, by the clock on the wall.
Wall arrival(const Query& q, Wall now) {
    const auto ago = q.worker().now() - q.arrived();
    return now - std::chrono::duration_cast<Wall::duration>(ago);
}

template <typename SetSeconds, typename SetNanoseconds>
void put_time(Wall at, SetSeconds seconds, SetNanoseconds nanoseconds) {
    const auto since = at.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    seconds(static_cast<uint64_t>(whole.count()));
    nanoseconds(static_cast<uint32_t>(std::chrono::nanoseconds(since - whole).count()));
}

void put(::dnstap::Message& to, const Query& q, Wall now) {
    const auto& request = q.request;
    to.set_socket_family(request.client.ip.is_v4() ? ::dnstap::INET : ::dnstap::INET6);
    to.set_socket_protocol(protocol_of(request.proto));
    const auto client = request.client.ip.bytes();
    to.set_query_address(client.data(), client.size());
    to.set_query_port(request.client.port);
    const auto local = request.local.ip.bytes();
    to.set_response_address(local.data(), local.size());
    to.set_response_port(request.local.port);
    put_time(
        arrival(q, now), [&](uint64_t value) { to.set_query_time_sec(value); },
        [&](uint32_t value) { to.set_query_time_nsec(value); });
}

std::string finished(::dnstap::Dnstap& tap, const Speaker& speaker, const std::string& extra) {
    tap.set_type(::dnstap::Dnstap::MESSAGE);
    if (!speaker.identity.empty()) tap.set_identity(speaker.identity);
    if (!speaker.version.empty()) tap.set_version(speaker.version);
    if (!extra.empty()) tap.set_extra(extra);
    return tap.SerializeAsString();
}

}  // namespace

std::string query_message(const Speaker& speaker, const Query& q, const std::string& extra) {
    ::dnstap::Dnstap tap;
    auto& message = *tap.mutable_message();
    message.set_type(::dnstap::Message::CLIENT_QUERY);
    put(message, q, std::chrono::system_clock::now());
    if (speaker.full) message.set_query_message(q.request.wire.data(), q.request.wire.size());
    return finished(tap, speaker, extra);
}

std::string response_message(const Speaker& speaker, const Query& q, const std::string& extra) {
    ::dnstap::Dnstap tap;
    auto& message = *tap.mutable_message();
    message.set_type(::dnstap::Message::CLIENT_RESPONSE);
    const auto now = std::chrono::system_clock::now();
    put(message, q, now);
    put_time(
        now, [&](uint64_t value) { message.set_response_time_sec(value); },
        [&](uint32_t value) { message.set_response_time_nsec(value); });
    if (speaker.full) {
        static thread_local std::array<uint8_t, dns::kMaxMessage> space;
        const auto size = encode_reply(q.request, q.reply, q.limit(), space);
        message.set_response_message(space.data(), size);
    }
    return finished(tap, speaker, extra);
}

}  // namespace ipref::resolver::dnstap
