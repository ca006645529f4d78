// SPDX-License-Identifier: GPL-2.0-or-later
// What the server's HTTP versions have in common: requests that came in whole, answers, and a
// session that turns bytes into the ones and the others into bytes. No sockets, no timers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/dns/name.h"
#include "common/result.h"

namespace ipref::resolver {

using dns::Bytes;

struct HttpRequest {
    int32_t stream = 0;  ///< which of the requests under way; 0 with HTTP/1.1
    int refused = 0;     ///< 0, or the status with which it is to be refused as it stands
    std::string method;
    std::string target;  ///< "/dns-query?dns=..."
    std::string type;    ///< Content-Type
    std::vector<uint8_t> body;
};

struct HttpAnswer {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string cache_control;  ///< empty: not sent
    std::vector<uint8_t> body;
};

struct HttpLimits {
    size_t head = 16'384;       ///< bytes of one request's head, names and values together
    size_t body = 65'535;       ///< of one request: what a DNS message can be
    size_t buffered = 131'072;  ///< bodies of all requests that are not whole yet
    size_t held = 262'144;      ///< answers that the client does not take; more are not kept
    size_t requests = 100;      ///< under way at once
    size_t resets = 200;        ///< by the client, before it is cut off, unless most are answered
};

class HttpSession {
  public:
    using Asked = std::function<void(HttpRequest&&)>;
    virtual ~HttpSession() = default;

    /// What came from the client; calls Asked for each whole request. An error ends the session.
    virtual Result<void> received(Bytes bytes) = 0;
    /// To a request that was given to Asked, once; may be called from inside of it.
    virtual void answer(int32_t stream, HttpAnswer&& answer) = 0;
    /// At most about `most` bytes for the client.
    virtual std::vector<uint8_t> take_output(size_t most) = 0;
    /// Bytes of answers that wait for the client to make room.
    virtual size_t held() const = 0;
    /// No request is taken before an answer is given.
    virtual bool waits() const = 0;
    /// Everything has been said; the connection is to be closed once it is sent.
    virtual bool over() const = 0;
};

std::unique_ptr<HttpSession> make_http1(HttpSession::Asked asked, const HttpLimits& limits);
std::unique_ptr<HttpSession> make_http2(HttpSession::Asked asked, const HttpLimits& limits);

/// Bytes with which a client of HTTP/2 begins.
extern const std::string_view kHttp2Preface;

}  // namespace ipref::resolver
