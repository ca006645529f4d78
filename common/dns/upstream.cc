// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/upstream.h"

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/dns/connect_to.h"
#include "common/dns/random.h"
#include "common/tls/session.h"

namespace ipref::dns {

namespace {

Trouble trouble_of(int error) {
    return error == ECONNREFUSED ? Trouble::refused : Trouble::network;
}

void set_id(std::span<uint8_t> message, uint16_t id) {
    message[0] = static_cast<uint8_t>(id >> 8);
    message[1] = static_cast<uint8_t>(id);
}

/// Length of the wire name in front of the question of a query of ours.
size_t name_size(Bytes query) {
    size_t at = kHeaderSize;
    while (query[at] != 0) at += query[at] + 1U;
    return at + 1 - kHeaderSize;
}

/// Flips letters of the question's name at random.
void mix_letters(std::span<uint8_t> query) {
    uint16_t bits = 0;
    unsigned left = 0;
    for (auto& byte : query.subspan(kHeaderSize, name_size(query))) {
        const uint8_t lower = lower_byte(byte);
        if (lower < 'a' || lower > 'z') continue;
        if (left == 0) {
            bits = random_id();
            left = 16;
        }
        byte = (bits & 1) != 0 ? lower : static_cast<uint8_t>(lower - 32);
        bits >>= 1;
        left--;
    }
}

/// The question's name is there, letter by letter.
bool same_case(Bytes query, Bytes answer) {
    const auto name = query.subspan(kHeaderSize, name_size(query));
    return answer.size() >= kHeaderSize + name.size() &&
           std::memcmp(answer.data() + kHeaderSize, name.data(), name.size()) == 0;
}

}  // namespace

bool answers(Bytes query, Bytes answer) {
    MessageReader asked(query);
    MessageReader got(answer);
    if (!asked.ok() || !got.ok()) return false;
    const auto& header = got.header();
    if (header.id != asked.header().id || !header.has(flag::kQr)) return false;
    if (header.opcode() != asked.header().opcode()) return false;
    if (header.questions == 0) {
        return header.rcode() == rcode::kFormErr || header.rcode() == rcode::kNotImp;
    }
    if (header.questions != 1) return false;
    const auto question = got.question();
    return question && question == asked.question();
}

/// One query in flight.
struct Upstream::Ask final : UdpPorts::Query {
    Ask(Upstream& with_owner, uint64_t with_number, Callback with)
        : owner(with_owner),
          number(with_number),
          callback(std::move(with)),
          timer(owner.loop_, [this] {
              if (why.empty()) {
                  owner.fail(*this, Trouble::timed_out, "no answer");
              } else {
                  owner.fail(*this, trouble, std::string(why));
              }
          }) {}

    bool on_datagram(std::span<uint8_t> datagram) override {
        return owner.take_udp(*this, datagram);
    }
    void on_guesses() override { owner.begin_tcp(*this); }
    void on_error(int error) override {
        owner.fail(*this, trouble_of(error), std::strerror(error));
    }

    Upstream& owner;
    const uint64_t number;
    Callback callback;
    uint16_t id = 0;             // as the caller gave it
    std::vector<uint8_t> query;  // with the id, and the case, that goes out
    std::vector<uint8_t> name;   // as the caller spelled it, if the case is mixed
    run::Timer timer;
    std::unique_ptr<Stream> stream;  // TCP
    bool fresh = false;              // the stream was opened for this query
    Trouble trouble = Trouble::network;
    std::string why;  // a failure that is told in the loop's next turn
};

/// A TCP connection; idle, or in the hands of an Ask.
struct Upstream::Stream {
    run::Fd fd;
    std::unique_ptr<run::Poll> poll;
    std::optional<tls::Session> session;
    std::unique_ptr<DohClient> doh;
    Ask* ask = nullptr;
    bool queued = false;       // the query is in `out`, or in the session
    std::vector<uint8_t> out;  // for the socket
    size_t sent = 0;
    std::vector<uint8_t> in;  // answers, each behind its length
    run::Milliseconds expires{0};
};

/// The server takes no more queries on it.
bool Upstream::is_over(const Stream& stream) {
    return (stream.session && stream.session->ended()) || (stream.doh && stream.doh->ended());
}

Upstream::Upstream(run::Loop& loop, net::Endpoint server, UpstreamOptions options)
    : loop_(loop),
      server_(server),
      options_(std::move(options)),
      udp_(loop, server, options_.source),
      expiry_(loop, [this] { drop_expired(); }) {}

Upstream::~Upstream() = default;

uint64_t Upstream::ask(Bytes query, Via via, run::Milliseconds timeout, Callback callback) {
    assert(query.size() >= kHeaderSize && query.size() <= kMaxMessage);
    const uint64_t number = next_++;
    auto made = std::make_unique<Ask>(*this, number, std::move(callback));
    Ask& ask = *made;
    const bool full = asks_.size() >= options_.max_queries;
    asks_.emplace(number, std::move(made));
    ask.query.assign(query.begin(), query.end());
    ask.id = Header::read(query)->id;
    set_id(ask.query, random_id());
    ask.timer.start(timeout);
    const bool plain_udp = via == Via::udp && options_.tls == nullptr;
    if (plain_udp && mixes_case()) {
        const auto name = query.subspan(kHeaderSize, name_size(query));
        ask.name.assign(name.begin(), name.end());
        mix_letters(ask.query);
    }
    if (full) {
        fail_later(ask, Trouble::too_many, "too many queries wait for it");
    } else if (plain_udp) {
        send_udp(ask);
    } else {
        begin_tcp(ask);
    }
    return number;
}

void Upstream::cancel(uint64_t number) {
    asks_.erase(number);
}

void Upstream::send_udp(Ask& ask) {
    const int error = udp_.add(ask, ask.query);
    if (error != 0) fail_later(ask, trouble_of(error), std::strerror(error));
}

/// True: the ask is over, or goes over TCP now. At once where only the case is wrong: a server that
/// does not keep it would never answer otherwise.
bool Upstream::take_udp(Ask& ask, std::span<uint8_t> answer) {
    if (!answers(ask.query, answer)) return false;
    if (!ask.name.empty() && !same_case(ask.query, answer)) {
        if (case_changed_ < kCaseChanges) case_changed_++;
        ask.leave();
        begin_tcp(ask);
        return true;
    }
    if (!ask.name.empty()) case_changed_ = 0;
    restore_case(ask, answer);
    set_id(answer, ask.id);
    finish(ask, answer);
    return true;
}

/// The caller gets the name back as it spelled it, wherever the answer points at the question.
void Upstream::restore_case(const Ask& ask, std::span<uint8_t> answer) {
    const bool there =
        answer.size() >= kHeaderSize + ask.name.size() && Header::read(answer)->questions == 1;
    if (there) std::copy(ask.name.begin(), ask.name.end(), answer.begin() + kHeaderSize);
}

void Upstream::begin_tcp(Ask& ask) {
    if (idle_.empty()) return open_stream(ask);
    if (options_.reused != nullptr) options_.reused->add();
    ask.stream = std::move(idle_.front());
    idle_.pop_front();
    ask.fresh = false;
    Stream& stream = *ask.stream;
    stream.ask = &ask;
    stream.queued = false;
    stream.in.clear();
    stream.poll->start(UV_READABLE | UV_WRITABLE);
}

void Upstream::open_stream(Ask& ask) {
    if (options_.opened != nullptr) options_.opened->add();
    ask.stream = std::make_unique<Stream>();
    ask.fresh = true;
    Stream& stream = *ask.stream;
    stream.ask = &ask;
    const int error = connect_to(stream.fd, server_, SOCK_STREAM, options_.source);
    if (error != 0) return fail_later(ask, trouble_of(error), std::strerror(error));
    if (options_.tls != nullptr && !begin_tls(stream)) return;
    stream.poll = std::make_unique<run::Poll>(
        loop_, stream.fd.get(), [this, &stream](int events) { on_stream(stream, events); });
    stream.poll->start(UV_READABLE | UV_WRITABLE);
}

/// False: the ask fails later.
bool Upstream::begin_tls(Stream& stream) {
    const tls::Protocols protocols = {options_.doh ? "h2" : "dot"};
    auto session = tls::Session::client(options_.tls->current(), options_.tls_name, protocols);
    if (!session) {
        fail_later(*stream.ask, Trouble::network, session.error().text);
        return false;
    }
    stream.session.emplace(std::move(*session));
    if (options_.doh) stream.doh = std::make_unique<DohClient>(*options_.doh);
    return true;
}

void Upstream::on_stream(Stream& stream, int events) {
    if (stream.ask == nullptr) return read_idle(stream);
    if ((events & UV_WRITABLE) != 0 && !write_stream(stream)) return;
    if ((events & UV_READABLE) != 0) read_stream(stream);
}

/// Nothing is asked for: the server closes, or says something that matters to TLS only (tickets).
void Upstream::read_idle(Stream& stream) {
    if (stream.session) {
        std::array<uint8_t, 4096> space;
        const auto got = recv(stream.fd.get(), space.data(), space.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        const bool fine =
            got > 0 && stream.session->received(std::span(space).first(static_cast<size_t>(got))) &&
            take_plain(stream) && stream.in.empty() && !is_over(stream);
        if (fine) return;
    }
    idle_.remove_if([&](const auto& one) { return one.get() == &stream; });
}

/// False: the stream has gone.
bool Upstream::write_stream(Stream& stream) {
    if (!stream.queued) {
        stream.queued = true;
        if (const auto queued = queue(stream); !queued) {
            errno = 0;
            stream_broken(stream, queued.error().text);
            return false;
        }
    }
    return flush(stream);
}

/// The query, as the stream carries it.
Result<void> Upstream::queue(Stream& stream) {
    const auto& query = stream.ask->query;
    if (stream.doh) {
        if (!stream.doh->ask(query)) return ipref::fail("it takes no more queries here");
        return stream.session->send(stream.doh->take_out());
    }
    std::vector<uint8_t> framed = {static_cast<uint8_t>(query.size() >> 8),
                                   static_cast<uint8_t>(query.size())};
    framed.insert(framed.end(), query.begin(), query.end());
    if (stream.session) return stream.session->send(framed);
    stream.out = std::move(framed);
    return {};
}

/// What waits for the socket. False: the stream has gone.
bool Upstream::flush(Stream& stream) {
    if (stream.session) {
        const auto cipher = stream.session->take_cipher();
        stream.out.insert(stream.out.end(), cipher.begin(), cipher.end());
    }
    const auto left = std::span(stream.out).subspan(stream.sent);
    if (!left.empty()) {
        const auto sent = send(stream.fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) return true;
            stream_broken(stream, std::strerror(errno));
            return false;
        }
        stream.sent += static_cast<size_t>(sent);
    }
    const bool all = stream.sent == stream.out.size();
    if (all) {
        stream.out.clear();
        stream.sent = 0;
    }
    stream.poll->start(all ? UV_READABLE : UV_READABLE | UV_WRITABLE);
    return true;
}

void Upstream::read_stream(Stream& stream) {
    thread_local std::array<uint8_t, kMaxMessage + 2> space;
    const auto got = recv(stream.fd.get(), space.data(), space.size(), 0);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return stream_broken(stream, std::strerror(errno));
    }
    if (got == 0) return stream_broken(stream, "it closed the connection");
    if (!take_bytes(stream, std::span(space).first(static_cast<size_t>(got)))) return;
    while (take_message(stream)) {
    }
}

/// False: the stream has gone.
bool Upstream::take_bytes(Stream& stream, Bytes bytes) {
    if (!stream.session) {
        stream.in.insert(stream.in.end(), bytes.begin(), bytes.end());
        return true;
    }
    auto done = stream.session->received(bytes);
    if (auto taken = take_plain(stream); done) done = std::move(taken);
    if (!flush(stream)) return false;
    if (done) return true;
    errno = 0;
    stream_broken(stream, done.error().text);
    return false;
}

/// What TLS has brought goes to `in`, from HTTP when an answer is whole.
Result<void> Upstream::take_plain(Stream& stream) {
    const auto plain = stream.session->take_plain();
    auto& in = stream.in;
    if (!stream.doh) {
        in.insert(in.end(), plain.begin(), plain.end());
        return {};
    }
    if (auto taken = stream.doh->received(plain); !taken) return taken;
    if (const auto answer = stream.doh->take_answer()) {
        in.push_back(static_cast<uint8_t>(answer->size() >> 8));
        in.push_back(static_cast<uint8_t>(answer->size()));
        in.insert(in.end(), answer->begin(), answer->end());
    }
    const auto out = stream.doh->take_out();
    return out.empty() ? Result<void>() : stream.session->send(out);
}

/// Looks at the first whole message that has come. True: it did not fit, look at the next.
bool Upstream::take_message(Stream& stream) {
    if (stream.in.size() < 2) return false;
    const size_t size = static_cast<size_t>(stream.in[0]) << 8 | stream.in[1];
    if (stream.in.size() < 2 + size) return false;
    Ask& ask = *stream.ask;
    const auto message = std::span(stream.in).subspan(2, size);
    if (!answers(ask.query, message)) {
        stream.in.erase(stream.in.begin(), stream.in.begin() + static_cast<ptrdiff_t>(2 + size));
        return true;
    }
    restore_case(ask, message);
    set_id(message, ask.id);
    const bool clean = stream.in.size() == 2 + size && stream.out.empty() && !is_over(stream);
    auto owned = std::move(ask.stream);
    std::vector<uint8_t> in = std::move(owned->in);  // outlives the stream, should that be dropped
    owned->in.clear();
    if (clean) keep(std::move(owned));
    finish(ask, std::span(in).subspan(2, size));
    return false;
}

/// A kept connection may have been closed by the server while the query was on its way: then the
/// query goes out again, once, on a fresh one.
void Upstream::stream_broken(Stream& stream, const std::string& why) {
    Ask& ask = *stream.ask;
    const int error = errno;
    if (!ask.fresh && stream.in.empty()) {
        const auto old = std::move(ask.stream);
        return open_stream(ask);
    }
    fail(ask, trouble_of(error), why);
}

void Upstream::keep(std::unique_ptr<Stream> stream) {
    stream->ask = nullptr;
    if (idle_.size() >= options_.max_idle) return;
    stream->expires = loop_.now() + options_.expire;
    stream->poll->start(UV_READABLE);
    idle_.push_front(std::move(stream));
    if (!expiry_.active()) expiry_.start(options_.expire);
}

void Upstream::drop_expired() {
    while (!idle_.empty() && idle_.back()->expires <= loop_.now()) idle_.pop_back();
    if (!idle_.empty()) expiry_.start(idle_.back()->expires - loop_.now());
}

void Upstream::finish(Ask& ask, Bytes answer) {
    call(ask, answer);
}

void Upstream::fail(Ask& ask, Trouble trouble, const std::string& why) {
    call(ask, tl::unexpected(AskFailure{trouble, fmt::format("{}: {}", server_.str(), why)}));
}

void Upstream::fail_later(Ask& ask, Trouble trouble, std::string why) {
    ask.leave();
    ask.trouble = trouble;
    ask.why = std::move(why);
    ask.timer.start(run::Milliseconds(0));
}

/// The ask, its sockets and timer are gone when the callback runs. This may run inside one of
/// their callbacks: nothing of theirs is touched on the way out.
void Upstream::call(Ask& ask, Outcome outcome) {
    const auto callback = std::move(ask.callback);
    asks_.erase(ask.number);
    callback(std::move(outcome));
}

}  // namespace ipref::dns
