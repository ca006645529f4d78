// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/endpoints.h"

#include <charconv>
#include <utility>

#include "resolver/server/socket.h"

namespace ipref::resolver {

namespace {

/// What is asked for, and the page that it is: CoreDNS's names, and those of the other programs.
constexpr std::pair<const char*, const char*> kPaths[] = {{"/metrics", "/metrics"},
                                                          {"/health", "/health"},
                                                          {"/healthz", "/health"},
                                                          {"/ready", "/ready"},
                                                          {"/readyz", "/ready"}};

net::Ip every_address() {
    return net::Ip::any(family_works(net::Family::v6) ? net::Family::v6 : net::Family::v4);
}

}  // namespace

Result<net::Endpoint> http_address(const std::string& text) {
    const auto colon = text.rfind(':');
    const auto wrong = [&] {
        return fail(
            "\"{}\" is no address to listen on: write IP:PORT, [IP]:PORT, localhost:PORT, "
            "or :PORT for every address",
            text);
    };
    if (colon == std::string::npos) return wrong();
    const auto host = text.substr(0, colon);
    uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + colon + 1, end, port);
    if (read.ec != std::errc() || read.ptr != end) return wrong();
    if (host.empty()) return net::Endpoint{every_address(), port};
    if (host == "localhost") return net::Endpoint{*net::Ip::parse("127.0.0.1"), port};
    const auto at = net::Endpoint::parse(text, 0);
    if (!at) return wrong();
    return *at;
}

Result<Endpoints::Servers> Endpoints::open(const Config& config) {
    Servers opened;
    for (const auto& page : config.process.pages) {
        if (servers_.contains(page.at) || opened.contains(page.at)) continue;
        auto server = std::make_unique<run::HttpServer>(loop_);
        for (const auto& [path, name] : kPaths) {
            server->handle(path, [this, at = page.at, name = name] { return answer(at, name); });
        }
        if (auto listens = server->listen(page.at); !listens) {
            return fail("plugin/{}: {}", page.plugin, listens.error().text);
        }
        opened.emplace(page.at, std::move(server));
    }
    return opened;
}

void Endpoints::use(Servers opened, std::shared_ptr<const Config> config) {
    servers_.merge(opened);
    std::erase_if(servers_, [&](const auto& entry) {
        const auto& pages = config->process.pages;
        return std::none_of(pages.begin(), pages.end(),
                            [&](const Page& page) { return page.at == entry.first; });
    });
    services_.clear();
    config_ = std::move(config);
    for (const auto& make : config_->process.services) services_.push_back(make(loop_));
}

run::HttpResponse Endpoints::answer(const net::Endpoint& at, const std::string& path) const {
    for (const auto& page : config_ == nullptr ? std::vector<Page>() : config_->process.pages) {
        if (page.at == at && page.path == path) {
            return page.answer({.config = *config_, .ending = ending_});
        }
    }
    return {.status = 404, .body = "404 page not found\n"};
}

}  // namespace ipref::resolver
