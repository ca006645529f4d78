// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/http.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "common/run/metrics.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::run;

namespace {

/// A blocking client: sends, reads to the end.
std::string ask(const net::Endpoint& at, std::string_view bytes) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage address{};
    const auto length = at.to(address);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    std::string answer;
    char space[4096];
    ssize_t count = 0;
    while ((count = ::read(fd, space, sizeof space)) > 0) {
        answer.append(space, static_cast<size_t>(count));
    }
    ::close(fd);
    return answer;
}

}  // namespace

TEST_CASE("request heads, good and bad", "[http]") {
    const auto status = [](std::string_view text) { return parse_http(text).refused; };
    const auto good = parse_http("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(good.complete);
    CHECK(good.refused == 0);
    CHECK(good.request.path == "/metrics");
    CHECK(parse_http("HEAD / HTTP/1.0\r\n\r\n").request.method == "HEAD");
    CHECK(status("POST / HTTP/1.1\r\n\r\n") == 405);
    CHECK(status("GET / HTTP/2.0\r\n\r\n") == 505);
    CHECK(status("GET /\r\n\r\n") == 400);
    CHECK(status("GET  HTTP/1.1\r\n\r\n") == 400);
    CHECK(status("GET x HTTP/1.1\r\n\r\n") == 400);
    CHECK(status("GET /a b HTTP/1.1\r\n\r\n") == 400);
    CHECK(status("\r\n\r\n") == 400);
    CHECK_FALSE(parse_http("GET / HTTP/1.1\r\nHost: a\r\n").complete);
    CHECK_FALSE(parse_http("").complete);
    CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(kHttpMaxHead, 'a')) == 431);
}

TEST_CASE("a scrape, a health check and wrong paths", "[http]") {
    Loop loop;
    Metrics metrics;
    metrics.counter("x_total", "X").add(5);
    HttpServer server(loop);
    bool ready = false;
    handle_health(server, metrics, [&] { return ready; });
    REQUIRE(server.listen({net::Ip::v4(0x7f000001), 0}));
    const auto at = server.address();
    std::string scrape, unready, readied, missing, refused;
    std::atomic<int> step = 0;
    Wake flip(loop, [&] {
        step == 0 ? void(ready = true) : loop.stop();
        step++;
    });
    std::thread client([&] {
        scrape = ask(at, "GET /metrics HTTP/1.1\r\n\r\n");
        unready = ask(at, "GET /readyz HTTP/1.1\r\n\r\n");
        flip.send();
        while (step == 0) std::this_thread::yield();
        readied = ask(at, "HEAD /readyz HTTP/1.1\r\n\r\n");
        missing = ask(at, "GET /nope HTTP/1.1\r\n\r\n");
        refused = ask(at, "PUT /metrics HTTP/1.1\r\n\r\n");
        flip.send();
    });
    loop.run();
    client.join();
    CHECK(scrape.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(scrape.find("\r\n\r\n# HELP x_total X\n") != std::string::npos);
    CHECK(unready.starts_with("HTTP/1.1 503"));
    CHECK(readied.starts_with("HTTP/1.1 200"));
    CHECK(readied.ends_with("\r\n\r\n"));
    CHECK(missing.starts_with("HTTP/1.1 404"));
    CHECK(refused.starts_with("HTTP/1.1 405"));
    CHECK(refused.find("Allow: GET, HEAD") != std::string::npos);
}

TEST_CASE("a port in use is named", "[http]") {
    Loop loop;
    HttpServer one(loop);
    HttpServer two(loop);
    REQUIRE(one.listen({net::Ip::v4(0x7f000001), 0}));
    const auto again = two.listen(one.address());
    REQUIRE_FALSE(again);
    CHECK(again.error().text.find("port in use") != std::string::npos);
}
