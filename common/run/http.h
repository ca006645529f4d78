// SPDX-License-Identifier: GPL-2.0-or-later
// A small HTTP/1.1 endpoint on the loop for /metrics, /healthz and /readyz. GET and HEAD only, one
// request a connection, everything bounded: connections, size and time of a request.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/loop.h"

namespace ipref::run {

class Metrics;

/// "Bad Request" of 400 (RFC 9110, 15); 500's for what these programs never answer.
std::string_view http_reason(int status);

struct HttpRequest {
    std::string method;  ///< "GET" or "HEAD"
    std::string path;    ///< without the query: "/metrics"
    std::string host;    ///< without the port: "localhost"; empty: not said
};

struct HttpResponse {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
    std::string headers = {};  ///< more of them, each line ended by CRLF
};

/// Result of looking at the bytes that came so far: a request, "more is needed" (neither), or
/// the status of the refusal.
struct HttpParse {
    bool complete = false;
    int refused = 0;  ///< 0, or 400, 405, 431, 505
    HttpRequest request;
};
/// Whether the host is an address, "localhost", or not said: a page elsewhere whose own name leads
/// to this machine (DNS rebinding) names itself.
bool asked_by_address(const HttpRequest& request);
/// At most `kHttpMaxHead` bytes of head are taken; a body is not read.
HttpParse parse_http(std::string_view bytes);
constexpr size_t kHttpMaxHead = 8192;

/// The response as bytes, with Content-Length and `Connection: close`.
std::string render_http(const HttpResponse& response, bool head_only);

class HttpServer {
  public:
    using Handler = std::function<HttpResponse()>;

    /// Nothing is bound before listen().
    explicit HttpServer(Loop& loop);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// `path` exact, "/metrics". Unknown paths get 404.
    void handle(std::string path, Handler handler);
    /// Likewise, for browsers: refused with 421 unless asked_by_address().
    void handle_page(std::string path, Handler handler);
    /// An error names the address and what to do.
    Result<void> listen(const net::Endpoint& at);
    /// Where it listens, with the port the kernel chose if 0 was asked for.
    net::Endpoint address() const;

    static constexpr size_t kMaxConnections = 64;
    static constexpr Milliseconds kTimeout{10000};  ///< from accept to the last byte

  private:
    class Connection;
    void accept();
    HttpResponse answer(const HttpRequest& request) const;
    void close(Connection& connection);

    Loop& loop_;
    OwnedHandle<uv_tcp_t> socket_;
    struct Place {
        Handler handler;
        bool page = false;
    };
    std::map<std::string, Place, std::less<>> places_;
    std::list<std::unique_ptr<Connection>> connections_;
};

/// Adds /metrics, /healthz (200 while the loop turns) and /readyz (200 or 503 by `ready`).
void handle_health(HttpServer& server, const Metrics& metrics, std::function<bool()> ready);

}  // namespace ipref::run
