// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/http.h"

#include <strings.h>
#include <sys/socket.h>

#include <array>

#include "common/run/metrics.h"

namespace ipref::run {

namespace {

HttpParse refuse(int status) {
    HttpParse out;
    out.complete = true;
    out.refused = status;
    return out;
}

HttpResponse refusal(int status) {
    return {status, "text/plain; charset=utf-8", fmt::format("{}\n", http_reason(status))};
}

bool same_word(std::string_view one, std::string_view two) {
    return one.size() == two.size() && strncasecmp(one.data(), two.data(), one.size()) == 0;
}

/// The host of a Host field (RFC 9110, 7.2): "[::1]:80" is "::1".
std::string_view without_port(std::string_view value) {
    if (value.starts_with('[')) return value.substr(0, value.find(']')).substr(1);
    return value.substr(0, value.find(':'));
}

/// The field's value; empty if there is none.
std::string_view field(std::string_view head, std::string_view name) {
    for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        const auto line = head.substr(at, head.find("\r\n", at) - at);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !same_word(line.substr(0, colon), name)) continue;
        const auto value = line.substr(colon + 1);
        const auto first = value.find_first_not_of(" \t");
        if (first == std::string_view::npos) return {};
        return value.substr(first, value.find_last_not_of(" \t") + 1 - first);
    }
    return {};
}

}  // namespace

bool asked_by_address(const HttpRequest& request) {
    return request.host.empty() || same_word(request.host, "localhost") ||
           net::Ip::parse(request.host);
}

std::string_view http_reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Internal Server Error";
    }
}

HttpParse parse_http(std::string_view bytes) {
    const auto head = bytes.substr(0, kHttpMaxHead);
    const auto end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return bytes.size() >= kHttpMaxHead ? refuse(431) : HttpParse{};
    }
    const auto line = head.substr(0, head.find("\r\n"));
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == 0 || last <= first + 1) return refuse(400);
    const auto version = line.substr(last + 1);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto method = line.substr(0, first);
    if (!version.starts_with("HTTP/")) return refuse(400);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505);
    if (method != "GET" && method != "HEAD") return refuse(405);
    if (target[0] != '/' || target.find(' ') != std::string_view::npos) return refuse(400);
    HttpParse out;
    out.complete = true;
    out.request.method = method;
    out.request.path = target.substr(0, target.find('?'));
    out.request.host = without_port(field(head.substr(0, end), "host"));
    return out;
}

std::string render_http(const HttpResponse& response, bool head_only) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}Connection: "
        "close\r\n\r\n{}",
        response.status, http_reason(response.status), response.type, response.body.size(),
        response.status == 405 ? "Allow: GET, HEAD\r\n" : "", response.headers,
        head_only ? "" : response.body);
}

/// One accepted connection: reads a head, writes one response, is gone.
class HttpServer::Connection {
  public:
    explicit Connection(HttpServer& server)
        : server_(server), timer_(server.loop_, [this] { server_.close(*this); }) {
        uv_tcp_init(server.loop_.raw(), socket_.get());
        socket_->data = this;
        timer_.start(kTimeout);
    }
    ~Connection() { socket_->data = nullptr; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool begin() {
        auto* stream = reinterpret_cast<uv_stream_t*>(socket_.get());
        if (uv_accept(reinterpret_cast<uv_stream_t*>(server_.socket_.get()), stream) < 0) {
            return false;
        }
        return uv_read_start(
                   stream,
                   [](uv_handle_t* h, size_t, uv_buf_t* buffer) {
                       auto& space = static_cast<Connection*>(h->data)->space_;
                       *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
                   },
                   [](uv_stream_t* s, ssize_t count, const uv_buf_t*) {
                       static_cast<Connection*>(s->data)->received(count);
                   }) == 0;
    }

  private:
    /// A write outlives its connection when that is closed on a time-out.
    struct Write {
        uv_write_t request{};
        std::string bytes;
    };

    void received(ssize_t count) {
        if (count < 0) return server_.close(*this);
        if (count == 0) return;
        head_.append(space_.data(), static_cast<size_t>(count));
        const auto parsed = parse_http(head_);
        if (!parsed.complete) return;
        uv_read_stop(reinterpret_cast<uv_stream_t*>(socket_.get()));
        const auto response =
            parsed.refused != 0 ? refusal(parsed.refused) : server_.answer(parsed.request);
        send(render_http(response, parsed.request.method == "HEAD"));
    }

    void send(std::string bytes) {
        auto* write = new Write{{}, std::move(bytes)};
        auto buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
        write->request.data = write;
        const int status = uv_write(&write->request, reinterpret_cast<uv_stream_t*>(socket_.get()),
                                    &buffer, 1, sent);
        if (status < 0) {
            delete write;
            server_.close(*this);
        }
    }

    static void sent(uv_write_t* request, int) {
        auto* self = static_cast<Connection*>(request->handle->data);
        delete static_cast<Write*>(request->data);
        if (self != nullptr) self->server_.close(*self);
    }

    HttpServer& server_;
    OwnedHandle<uv_tcp_t> socket_;
    Timer timer_;
    std::array<char, 2048> space_{};
    std::string head_;
};

HttpServer::HttpServer(Loop& loop) : loop_(loop) {
    uv_tcp_init(loop.raw(), socket_.get());
    socket_->data = this;
}

HttpServer::~HttpServer() = default;

void HttpServer::handle(std::string path, Handler handler) {
    places_[std::move(path)] = {std::move(handler), false};
}

void HttpServer::handle_page(std::string path, Handler handler) {
    places_[std::move(path)] = {std::move(handler), true};
}

Result<void> HttpServer::listen(const net::Endpoint& at) {
    sockaddr_storage address{};
    at.to(address);
    int status = uv_tcp_bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), 0);
    if (status == 0) {
        status = uv_listen(reinterpret_cast<uv_stream_t*>(socket_.get()), 16,
                           [](uv_stream_t* s, int failed) {
                               if (failed == 0) static_cast<HttpServer*>(s->data)->accept();
                           });
    }
    if (status == UV_EADDRINUSE) {
        return fail("{}: port in use by another program; choose another address or port", at.str());
    }
    if (status == UV_EADDRNOTAVAIL) {
        return fail("{}: no interface has this address; choose one of this host", at.str());
    }
    if (status == UV_EACCES) {
        return fail("{}: no permission for this port; choose one from 1024 on", at.str());
    }
    if (status < 0) return fail("{}: cannot listen: {}", at.str(), uv_strerror(status));
    return {};
}

net::Endpoint HttpServer::address() const {
    sockaddr_storage address{};
    int length = sizeof address;
    uv_tcp_getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

void HttpServer::accept() {
    connections_.push_back(std::make_unique<Connection>(*this));
    // Over the limit it is accepted all the same, to be closed: the queue must not stay full.
    if (!connections_.back()->begin() || connections_.size() > kMaxConnections) {
        connections_.pop_back();
    }
}

HttpResponse HttpServer::answer(const HttpRequest& request) const {
    const auto at = places_.find(request.path);
    if (at == places_.end()) return refusal(404);
    if (at->second.page && !asked_by_address(request)) {
        auto refused = refusal(421);
        refused.body += "Open this page by an address of the machine, or as localhost.\n";
        return refused;
    }
    return at->second.handler();
}

void HttpServer::close(Connection& connection) {
    connections_.remove_if([&](const auto& each) { return each.get() == &connection; });
}

void handle_health(HttpServer& server, const Metrics& metrics, std::function<bool()> ready) {
    server.handle("/metrics", [&metrics] {
        return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", metrics.text()};
    });
    server.handle("/healthz", [] { return HttpResponse{200, "text/plain", "ok\n"}; });
    server.handle("/readyz", [ready = std::move(ready)] {
        return ready() ? HttpResponse{200, "text/plain", "ready\n"}
                       : HttpResponse{503, "text/plain", "not ready\n"};
    });
}

}  // namespace ipref::run
