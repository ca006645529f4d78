// SPDX-License-Identifier: GPL-2.0-or-later
// DNS over HTTPS on one connection: HTTP/2, or HTTP/1.1 for those who have nothing newer; behind a
// proxy, without TLS, either as well.
#include <array>
#include <map>

#include "resolver/server/connection.h"
#include "resolver/server/doh.h"
#include "resolver/server/stream_encode.h"

namespace ipref::resolver {

namespace {

class HttpsConnection final : public Connection {
  public:
    using Connection::Connection;

  protected:
    void received(Bytes bytes) override {
        if (http_ == nullptr && !choose(bytes)) return;
        const bool good = http_->received(bytes).has_value();
        first_ = {};
        if (!good) {
            flush();
            return close();
        }
        flush();
        go_on();
    }

    void proceed() override {
        if (http_ != nullptr) flush();
    }

    bool full() const override {
        return Connection::full() || (http_ != nullptr && http_->waits());
    }

  private:
    /// One request: where its query's answer goes. Ends with the answer, which may be after the
    /// stream's or the connection's end.
    struct Exchange final : Sink {
        std::shared_ptr<HttpsConnection> connection;
        int32_t stream = 0;
        void deliver(Query& q) override {
            const auto alive = std::move(connection);
            alive->answered(*this, q);
        }
    };

    /// By what TLS has agreed upon, else by the first bytes. False: more are needed.
    bool choose(Bytes& bytes) {
        first_.insert(first_.end(), bytes.begin(), bytes.end());
        const auto protocol = tls_ ? tls_->protocol() : std::string_view();
        const auto size = std::min(first_.size(), kHttp2Preface.size());
        const std::string_view begin(reinterpret_cast<const char*>(first_.data()), size);
        const bool may_be_2 = kHttp2Preface.starts_with(begin);
        if (protocol.empty() && may_be_2 && size < kHttp2Preface.size()) return false;
        const bool is_2 = protocol == "h2" || (protocol.empty() && may_be_2);
        HttpLimits limits;
        limits.requests = listener_.limits().questions;
        limits.held = listener_.limits().most_unsent / 4;
        const auto asked = [this](HttpRequest&& request) { ask(std::move(request)); };
        http_ = is_2 ? make_http2(asked, limits) : make_http1(asked, limits);
        bytes = first_;
        return true;
    }

    void ask(HttpRequest&& request) {
        const auto stream = request.stream;
        auto question = doh_question(std::move(request));
        // The client may have withdrawn requests whose queries are still under way.
        const bool busy = pending_ >= listener_.limits().questions;
        if (question.status != 200 || busy || listener_.retired()) {
            return respond(stream, http_refusal(busy ? 503 : question.status));
        }
        auto exchange = std::make_unique<Exchange>();
        exchange->connection = std::static_pointer_cast<HttpsConnection>(shared_from_this());
        exchange->stream = stream;
        auto& sink = *exchange;
        exchanges_.emplace(&sink, std::move(exchange));
        question_began();
        listener_.runner().take(question.message, sink, listener_.routes(), whence_);
    }

    void answered(Exchange& exchange, Query& q) {
        const auto stream = exchange.stream;
        const auto kept = exchanges_.extract(&exchange);
        if (!closed()) respond(stream, answer_of(q));
        if (!question_ended()) return;
        flush();
        go_on();
    }

    HttpAnswer answer_of(Query& q) {
        if (q.outcome() == Query::Outcome::dropped) {
            return http_refusal(q.request.wire.empty() ? 400 : 500);
        }
        static thread_local std::array<uint8_t, dns::kMaxMessage> out;
        q.unpack();
        HttpAnswer answer;
        answer.type = kDohType;
        answer.cache_control = doh_freshness(q.reply);
        const auto size = encode_for_stream(q, {.tls = tls_.has_value(), .idle = {}}, out);
        answer.body.assign(out.begin(), out.begin() + static_cast<ptrdiff_t>(size));
        return answer;
    }

    void respond(int32_t stream, HttpAnswer&& answer) {
        count(answer.status);
        http_->answer(stream, std::move(answer));
    }

    void count(int status) {
        const auto& active = listener_.runner().active();
        const auto* routes = listener_.routes();
        if (active == nullptr || routes == nullptr) return;
        active->config->metrics
            ->counter("coredns_dns_https_responses_total",
                      "Counter of DoH responses per server and http status code.",
                      {{"server", routes->server}, {"status", std::to_string(status)}})
            .add();
    }

    /// As much as the kernel should have at once; the rest follows when that is written.
    void flush() {
        if (closed() || flushing_) return;
        flushing_ = true;
        const auto alive = shared_from_this();
        while (!closed() && unsent_ < listener_.limits().unsent) {
            const auto bytes = http_->take_output(listener_.limits().unsent - unsent_);
            if (bytes.empty()) break;
            write(bytes);
        }
        flushing_ = false;
        if (closed()) return;
        if (http_->held() > 0) expect_progress();
        if (http_->over() && idle()) close();
    }

    std::unique_ptr<HttpSession> http_;
    std::vector<uint8_t> first_;  // before it was clear which version it is
    std::map<Exchange*, std::unique_ptr<Exchange>> exchanges_;
    bool flushing_ = false;
};

}  // namespace

std::shared_ptr<Connection> make_https_connection(TcpListener& listener) {
    return std::make_shared<HttpsConnection>(listener);
}

}  // namespace ipref::resolver
