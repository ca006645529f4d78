// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins prometheus, health, ready and reload: what they ask of the process, and what it shows.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "resolver/plugins/health/self_check.h"
#include "resolver/plugins/prometheus/tally.h"
#include "resolver/reloader.h"
#include "resolver/server/endpoints.h"
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;
using Catch::Matchers::Contains;

namespace {

std::shared_ptr<Config> loaded(const std::string& text) {
    auto config = load_config(text, {});
    if (!config) FAIL(config.error().text);
    return *config;
}

/// Fetches a page while the loop turns.
std::string page(run::Loop& loop, const net::Endpoint& at, const std::string& path) {
    const auto fetch = [&] {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_storage address{};
        const auto size = at.to(address);
        std::string answer;
        if (::connect(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) {
            const auto request = "GET " + path + " HTTP/1.1\r\n\r\n";
            static_cast<void>(!::write(fd, request.data(), request.size()));
            std::array<char, 4096> space;
            for (ssize_t n = 0; (n = ::read(fd, space.data(), space.size())) > 0;) {
                answer.append(space.data(), static_cast<size_t>(n));
            }
        }
        ::close(fd);
        return answer;
    };
    run::Wake ended(loop, [] {});
    std::atomic<bool> done = false;
    auto got = std::async(std::launch::async, [&] {
        auto answer = fetch();
        done = true;
        ended.send();
        return answer;
    });
    run_until(loop, [&] { return done.load(); });
    return got.get();
}

std::string metrics_of(ResolverBench& bench) {
    return bench.runner.active()->config->metrics->text();
}

}  // namespace

TEST_CASE("queries and answers are counted under CoreDNS's names", "[prometheus]") {
    ResolverBench bench;
    bench.open("example.org:5300 {\n whoami\n prometheus localhost:0\n}\n");
    for (int i = 0; i < 3; i++) bench.get("www.example.org", dns::rr::kA);
    bench.get("www.example.org", 65280, false);
    bench.get("elsewhere.net", dns::rr::kA);
    bench.get(query_for("www.example.org", dns::rr::kAaaa, 77, true), Proto::tcp);
    const auto text = metrics_of(bench);
    const std::string all = R"(server="dns://:5300",zone="example.org.",view="")";
    const auto has = [&](const std::string& line) { CHECK_THAT(text, Contains(line + "\n")); };
    has("coredns_dns_requests_total{" + all + R"(,proto="udp",family="1",type="A"} 3)");
    has("coredns_dns_requests_total{" + all + R"(,proto="udp",family="1",type="other"} 1)");
    has("coredns_dns_requests_total{" + all + R"(,proto="tcp",family="1",type="AAAA"} 1)");
    has("coredns_dns_responses_total{" + all + R"(,rcode="NOERROR",plugin="whoami"} 5)");
    has("coredns_dns_request_duration_seconds_count{" + all + "} 5");
    has("coredns_dns_request_size_bytes_count{" + all + R"(,proto="udp"} 4)");
    has("coredns_dns_response_size_bytes_count{" + all + R"(,proto="tcp"} 1)");
    has("coredns_dns_do_requests_total{" + all + "} 0");
    has(R"(coredns_dns_responses_total{server="dns://:5300",zone="dropped",view="",)"
        R"(rcode="REFUSED",plugin=""} 1)");
    has("coredns_panics_total 0");
    CHECK_THAT(text, Contains("coredns_build_info{version=\""));
}

TEST_CASE("counts of several workers are added up", "[prometheus]") {
    Tally tally;
    run::Loop loop;
    tally.of({"s", "z.", ""}, 0);
    auto& one = tally.of({"s", "z.", ""}, 1);
    CHECK(&one == &tally.of({"s", "z.", ""}, 1));
    CHECK(&one != &tally.of({"s", "z.", ""}, 0));
    CHECK(Series::type_label(Series::type_index(dns::rr::kHttps)) == "HTTPS");
    CHECK(Series::type_label(Series::type_index(0)) == "other");
    CHECK(Series::type_label(Series::type_index(65535)) == "other");
}

TEST_CASE("pages are served, kept over a reload and closed with their plugin", "[endpoints]") {
    run::Loop loop;
    Endpoints endpoints(loop);
    const auto at = *net::Endpoint::parse("127.0.0.1:0", 0);
    const auto use = [&](const std::string& text) {
        auto config = loaded(text);
        auto opened = endpoints.open(*config);
        if (!opened) FAIL(opened.error().text);
        endpoints.use(std::move(*opened), config);
        return config;
    };
    const auto first = use(".:5300 {\n whoami\n health 127.0.0.1:0\n prometheus 127.0.0.1:0\n}\n");
    const auto real = endpoints.address(at);
    CHECK_THAT(page(loop, real, "/health"), Contains("200 OK") && Contains("\r\n\r\nOK"));
    CHECK_THAT(page(loop, real, "/ready"), Contains("404"));
    CHECK_THAT(
        page(loop, real, "/metrics"),
        Contains(
            R"(coredns_plugin_enabled{server="dns://:5300",zone=".",view="",name="whoami"} 1)"));
    const auto second = use(".:5300 {\n whoami\n ready 127.0.0.1:0\n}\n");
    CHECK(endpoints.address(at) == real);
    CHECK_THAT(page(loop, real, "/health"), Contains("404"));
    CHECK_THAT(page(loop, real, "/ready"), Contains("200 OK"));
    endpoints.ending();
    CHECK_THAT(page(loop, real, "/ready"), Contains("503") && Contains("shutting down"));
    use(".:5300 {\n whoami\n}\n");
    CHECK(page(loop, real, "/ready").empty());
}

TEST_CASE("a page's port that is in use is named with its plugin", "[endpoints]") {
    run::Loop loop;
    run::HttpServer other(loop);
    REQUIRE(other.listen(*net::Endpoint::parse("127.0.0.1:0", 0)));
    Endpoints endpoints(loop);
    const auto config =
        loaded(fmt::format(". {{\n whoami\n health {}\n}}\n", other.address().str()));
    const auto opened = endpoints.open(*config);
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error().text,
               Contains("plugin/health: 127.0.0.1:") && Contains("port in use"));
}

TEST_CASE("ready names the plugins of its blocks that are not ready", "[ready]") {
    run::Loop loop;
    Endpoints endpoints(loop);
    const auto config = loaded(
        "example.org:5300 {\n file /nonexistent/db\n ready 127.0.0.1:0\n}\n"
        "example.net:5300 {\n whoami\n}\n");
    auto opened = endpoints.open(*config);
    REQUIRE(opened);
    endpoints.use(std::move(*opened), config);
    const auto real = endpoints.address(*net::Endpoint::parse("127.0.0.1:0", 0));
    CHECK_THAT(page(loop, real, "/ready"), Contains("503") && Contains("\r\n\r\nfile"));
}

TEST_CASE("addresses of pages", "[endpoints]") {
    const auto text = [](const char* word) {
        const auto at = http_address(word);
        return at ? at->str() : "";
    };
    CHECK(text("localhost:9153") == "127.0.0.1:9153");
    CHECK(text("192.0.2.1:80") == "192.0.2.1:80");
    CHECK(text("[2001:db8::1]:80") == "[2001:db8::1]:80");
    CHECK((text(":8080") == "[::]:8080" || text(":8080") == "0.0.0.0:8080"));
    for (const char* bad :
         {"", "8080", "localhost", "host.example:80", ":x", ":70000", "1.2.3.4"}) {
        INFO(bad);
        CHECK(text(bad).empty());
    }
}

TEST_CASE("options of plugins for the process", "[process]") {
    const auto reload = [](const std::string& words) {
        return loaded(". {\n whoami\n reload " + words + "\n}\n")->process.reload;
    };
    CHECK(reload("")->interval == std::chrono::seconds(30));
    CHECK(reload("")->jitter == std::chrono::seconds(15));
    CHECK(reload("10s")->jitter == std::chrono::seconds(5));
    CHECK(reload("10s 1s")->jitter == std::chrono::seconds(1));
    CHECK_FALSE(loaded(". {\n whoami\n}\n")->process.reload);
    const auto config = loaded(". {\n whoami\n health :0 {\n lameduck 5s\n }\n}\n");
    CHECK(config->process.lameduck == std::chrono::seconds(5));
    for (const char* bad :
         {"reload 1s", "reload 10s 500ms", "reload x", "reload 10s 5s 1s", "reload\n reload",
          "health :1 :2", "health 1.2.3.4", "health {\n lameduck\n}", "health {\n nonsense\n}",
          "health\n health", "ready x", "ready\n ready", "prometheus x", "prometheus :1 :2",
          "prometheus {\n x\n}"}) {
        INFO(bad);
        CHECK_THAT(refusal(fmt::format(". {{\n whoami\n {}\n}}\n", bad)), Contains("plugin/"));
    }
}

TEST_CASE("a self-check counts what it met", "[health]") {
    run::Loop loop;
    run::Metrics metrics;
    run::HttpServer server(loop);
    int status = 200;
    server.handle("/health", [&] { return run::HttpResponse{.status = status, .body = ""}; });
    REQUIRE(server.listen(*net::Endpoint::parse("127.0.0.1:0", 0)));
    const auto counts = SelfCheck::counts(metrics);
    SelfCheck check(loop, server.address(), counts);
    check.check();
    run_until(loop, [&] { return counts.seconds->cumulative(5) == 1; });
    CHECK(counts.failures->value() == 0);
    status = 503;
    check.check();
    run_until(loop, [&] { return counts.failures->value() == 1; });
}

TEST_CASE("the version of a configuration is its SHA-512", "[reload]") {
    CHECK(sha512_hex("abc").substr(0, 32) == "ddaf35a193617abacc417349ae204131");
    run::Loop loop;
    run::Metrics metrics;
    Reloader reloader(loop, metrics, [] {});
    reloader.in_use({}, {}, "abc");
    reloader.in_use({}, {}, "abcd");
    reloader.failed();
    const auto text = metrics.text();
    CHECK_THAT(text, !Contains("ddaf35a193617aba"));
    CHECK_THAT(text, Contains("coredns_reload_version_info{hash=\"sha512\",value=\"d8022f20"));
    CHECK_THAT(text, Contains("coredns_reload_failed_total 1\n"));
    CHECK_THAT(text, Contains("ipref_reload_last_successful 0\n"));
}
