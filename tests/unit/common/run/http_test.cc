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

TEST_CASE("who names the machine by an address, and who by a name of their own", "[http]") {
    const auto by_address = [](std::string_view fields) {
        const auto parsed = parse_http("GET / HTTP/1.1\r\n" + std::string(fields) + "\r\n");
        REQUIRE(parsed.complete);
        return asked_by_address(parsed.request);
    };
    CHECK(by_address(""));
    CHECK(by_address("Host: 127.0.0.1:9103\r\n"));
    CHECK(by_address("Accept: *\r\nHOST:\tLocalHost \r\n"));
    CHECK(by_address("Host: [::1]:9103\r\n"));
    CHECK(by_address("Host: [fd00::1]\r\n"));
    CHECK_FALSE(by_address("Host: evil.example:9103\r\n"));
    CHECK_FALSE(by_address("Host: 127.0.0.1.evil.example\r\nHost: localhost\r\n"));
    CHECK_FALSE(by_address("Host: [x\r\n"));
    CHECK_FALSE(by_address("Host: ]\r\n"));
}

TEST_CASE("pages are for those who ask by address, scrapes for all", "[http]") {
    Loop loop;
    HttpServer server(loop);
    server.handle_page("/", [] { return HttpResponse{.body = "page"}; });
    server.handle("/metrics", [] { return HttpResponse{.body = "numbers"}; });
    REQUIRE(server.listen(*net::Endpoint::parse("127.0.0.1:0", 0)));
    const auto at = server.address();
    std::string page, refused, scrape;
    Wake done(loop, [&] { loop.stop(); });
    std::thread browser([&] {
        page = ask(at, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        refused = ask(at, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        scrape = ask(at, "GET /metrics HTTP/1.1\r\nHost: gw.example\r\n\r\n");
        done.send();
    });
    loop.run();
    browser.join();
    CHECK(page.ends_with("\r\n\r\npage"));
    CHECK(refused.starts_with("HTTP/1.1 421 Misdirected Request\r\n"));
    CHECK(refused.find("by an address") != std::string::npos);
    CHECK(scrape.ends_with("\r\n\r\nnumbers"));
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
