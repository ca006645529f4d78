// SPDX-License-Identifier: GPL-2.0-or-later
// The server's HTTP sessions in memory; the client of HTTP/2 is nghttp2's.
#include "resolver/server/http.h"

#include <nghttp2/nghttp2.h>

#include <list>
#include <map>

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;
using Catch::Matchers::Contains;

namespace {

HttpAnswer answer(int status, size_t size) {
    HttpAnswer out;
    out.status = status;
    out.cache_control = "max-age=5";
    out.body.assign(size, 'x');
    return out;
}

std::string text(const std::vector<uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
}

Bytes bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// A server's session that keeps the requests until the test answers them.
struct Serving {
    std::vector<HttpRequest> asked;
    std::unique_ptr<HttpSession> session;
    using Maker = decltype(make_http1)*;
    explicit Serving(Maker make, const HttpLimits& limits = {})
        : session(make([this](HttpRequest&& request) { asked.push_back(std::move(request)); },
                       limits)) {}
    std::string ask1(std::string_view request) {
        if (!session->received(bytes(request))) return "cut off";
        return text(session->take_output(1 << 20));
    }
};

/// A client of HTTP/2.
struct Client {
    struct Stream {
        std::string status, body;
        uint32_t reset = 0;
        bool closed = false;
    };
    std::map<int32_t, Stream> streams;
    nghttp2_session* session = nullptr;
    std::string error;  // of the server's session

    Client() {
        nghttp2_session_callbacks* to = nullptr;
        nghttp2_session_callbacks_new(&to);
        nghttp2_session_callbacks_set_on_header_callback(
            to, [](nghttp2_session*, const nghttp2_frame* f, const uint8_t* n, size_t ns,
                   const uint8_t* v, size_t vs, uint8_t, void* user) {
                const std::string name(reinterpret_cast<const char*>(n), ns);
                if (name == ":status") {
                    self(user).streams[f->hd.stream_id].status.assign(
                        reinterpret_cast<const char*>(v), vs);
                }
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            to,
            [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* d, size_t size, void* user) {
                self(user).streams[id].body.append(reinterpret_cast<const char*>(d), size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            to, [](nghttp2_session*, int32_t id, uint32_t code, void* user) {
                self(user).streams[id].reset = code;
                self(user).streams[id].closed = true;
                return 0;
            });
        nghttp2_session_client_new(&session, to, this);
        nghttp2_session_callbacks_del(to);
    }
    ~Client() { nghttp2_session_del(session); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    static Client& self(void* user) { return *static_cast<Client*>(user); }

    void settings(uint32_t window) const {
        const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &entry, 1);
    }
    int32_t request(const std::string& method, const std::string& path, std::string body = "") {
        bodies.push_back(std::move(body));
        auto& kept = bodies.back();
        std::vector<nghttp2_nv> fields;
        const auto add = [&](std::string_view name, std::string_view value) {
            fields.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                              reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
                              name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
        };
        add(":method", method);
        add(":scheme", "https");
        add(":authority", "dns.example");
        add(":path", path);
        nghttp2_data_provider provider{};
        provider.source.ptr = &kept;
        provider.read_callback = [](nghttp2_session*, int32_t, uint8_t* out, size_t room,
                                    uint32_t* flags, nghttp2_data_source* source, void*) {
            auto& left = *static_cast<std::string*>(source->ptr);
            const auto count = std::min(room, left.size());
            std::copy_n(left.begin(), count, out);
            left.erase(0, count);
            if (left.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(count);
        };
        return nghttp2_submit_request(session, nullptr, fields.data(), fields.size(),
                                      kept.empty() ? nullptr : &provider, nullptr);
    }
    void reset(int32_t id) const {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }
    /// To and fro until nothing moves.
    void carry(HttpSession& server) {
        for (bool moved = true; moved && error.empty();) {
            moved = false;
            const uint8_t* out = nullptr;
            for (ssize_t n; error.empty() && (n = nghttp2_session_mem_send(session, &out)) > 0;) {
                moved = true;
                const auto taken = server.received({out, static_cast<size_t>(n)});
                if (!taken) error = taken.error().text;
            }
            const auto in = server.take_output(1 << 20);
            if (in.empty()) continue;
            moved = true;
            nghttp2_session_mem_recv(session, in.data(), in.size());
        }
    }
    std::list<std::string> bodies;
};

}  // namespace

TEST_CASE("HTTP/1.1: one request after the other, kept alive", "[http]") {
    Serving serving(make_http1);
    CHECK(serving.ask1("GET /dns-query?dns=AA HTTP/1.1\r\nHost: a\r\n").empty());
    CHECK(serving.ask1("\r\nPOST /x HTTP/1.1\r\nContent-Type: t/t\r\nContent-Le").empty());
    REQUIRE(serving.asked.size() == 1);
    CHECK(serving.asked[0].method == "GET");
    CHECK(serving.asked[0].target == "/dns-query?dns=AA");
    CHECK(serving.session->waits());
    serving.session->answer(0, answer(200, 3));
    CHECK(text(serving.session->take_output(1000)) ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
          "Cache-Control: max-age=5\r\n\r\nxxx");
    serving.ask1("ngth: 4\r\nConnection: close\r\n\r\nab");
    CHECK(serving.asked.size() == 1);
    serving.ask1("cd");
    REQUIRE(serving.asked.size() == 2);
    CHECK(serving.asked[1].type == "t/t");
    CHECK(text(serving.asked[1].body) == "abcd");
    serving.session->answer(0, answer(405, 0));
    CHECK_THAT(text(serving.session->take_output(1000)), Contains("405 Method Not Allowed") &&
                                                             Contains("Allow: GET, POST\r\n") &&
                                                             Contains("Connection: close\r\n"));
    CHECK(serving.session->over());
}

TEST_CASE("HTTP/1.1 that is refused as it stands", "[http]") {
    const auto refused = [](const std::string& request) {
        Serving serving(make_http1);
        serving.ask1(request);
        return serving.asked.empty() ? -1 : serving.asked[0].refused;
    };
    CHECK(refused("nonsense\r\n\r\n") == 400);
    CHECK(refused("GET /x HTTP/2.0\r\n\r\n") == 505);
    CHECK(refused("GET /x HTTP/1.1\r\nno colon\r\n\r\n") == 400);
    CHECK(refused("GET /x HTTP/1.1\r\nHost : a\r\n\r\n") == 400);
    CHECK(refused("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") == 411);
    CHECK(refused("POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400);
    CHECK(refused("POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == 400);
    CHECK(refused("POST /x HTTP/1.1\r\nContent-Length: 65536\r\n\r\n") == 413);
    CHECK(refused("GET /" + std::string(20'000, 'a')) == 431);
    CHECK(refused("GET /x HTTP/1.0\r\n\r\n") == 0);
    Serving flooded(make_http1);
    flooded.ask1("GET /x HTTP/1.1\r\n\r\n");
    CHECK(flooded.ask1(std::string(300'000, 'a')) == "cut off");
}

TEST_CASE("HTTP/2: requests side by side, answered in any order", "[http]") {
    Serving serving(make_http2);
    Client client;
    client.settings(65535);
    const auto first = client.request("GET", "/dns-query?dns=AA");
    const auto second = client.request("POST", "/dns-query", std::string(40'000, 'b'));
    client.carry(*serving.session);
    REQUIRE(serving.asked.size() == 2);
    CHECK(serving.asked[0].target == "/dns-query?dns=AA");
    CHECK(serving.asked[1].body.size() == 40'000);
    serving.session->answer(second, answer(404, 10));
    client.carry(*serving.session);
    CHECK(client.streams[second].status == "404");
    CHECK_FALSE(client.streams[first].closed);
    serving.session->answer(first, answer(200, 60'000));
    client.carry(*serving.session);
    CHECK(client.streams[first].status == "200");
    CHECK(client.streams[first].body.size() == 60'000);
    CHECK(serving.session->held() == 0);
    CHECK(client.error.empty());
}

TEST_CASE("CVE-2026-32936: requests that are too large are refused over HTTP/2", "[http]") {
    HttpLimits limits;
    Serving serving(make_http2, limits);
    Client client;
    client.settings(65535);
    client.request("GET", "/dns-query?dns=" + std::string(20'000, 'A'));
    client.carry(*serving.session);
    REQUIRE(serving.asked.size() == 1);
    CHECK(serving.asked[0].refused == 431);
    const auto large = client.request("POST", "/dns-query", std::string(70'000, 'b'));
    client.carry(*serving.session);
    REQUIRE(serving.asked.size() == 2);
    CHECK(serving.asked[1].refused == 413);
    CHECK(serving.asked[1].body.empty());
    serving.session->answer(large, answer(413, 5));
    client.carry(*serving.session);
    CHECK(client.streams[large].status == "413");
}

TEST_CASE("CVE-2025-47950: streams beyond the limit are refused, not kept", "[http]") {
    HttpLimits limits;
    limits.requests = 5;
    Serving serving(make_http2, limits);
    Client client;
    client.settings(65535);
    for (int i = 0; i < 50; i++) client.request("GET", "/dns-query?dns=AA");
    client.carry(*serving.session);
    CHECK(serving.asked.size() == 5);
}

TEST_CASE("CVE-2023-44487: a client that withdraws its requests is cut off", "[http]") {
    HttpLimits limits;
    limits.resets = 20;
    Serving serving(make_http2, limits);
    Client client;
    client.settings(65535);
    for (int i = 0; i < 100; i++) {
        const auto id = client.request("GET", "/dns-query?dns=AA");
        client.carry(*serving.session);
        client.reset(id);
        client.carry(*serving.session);
    }
    CHECK_THAT(client.error, Contains("were withdrawn"));
    CHECK(serving.asked.size() < 30);
    serving.session->answer(1, answer(200, 5));  // too late: nobody waits
    CHECK(serving.session->held() == 0);
}

TEST_CASE("Answers that the client makes no room for are bounded", "[http]") {
    HttpLimits limits;
    limits.held = 10'000;
    Serving serving(make_http2, limits);
    Client client;
    client.settings(0);  // takes no byte of any body
    const auto first = client.request("GET", "/dns-query?dns=AA");
    const auto second = client.request("GET", "/dns-query?dns=AA");
    client.carry(*serving.session);
    serving.session->answer(first, answer(200, 6'000));
    serving.session->answer(second, answer(200, 6'000));
    client.carry(*serving.session);
    CHECK(serving.session->held() == 6'000);
    CHECK(client.streams[second].reset == NGHTTP2_ENHANCE_YOUR_CALM);
    client.reset(first);
    client.carry(*serving.session);
    CHECK(serving.session->held() == 0);
}

TEST_CASE("Bytes that are no HTTP/2 end the session", "[http]") {
    Serving serving(make_http2);
    CHECK_FALSE(serving.session->received(bytes("GET / HTTP/1.1\r\n\r\n                    ")));
}
