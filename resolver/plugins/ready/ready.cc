// SPDX-License-Identifier: GPL-2.0-or-later
// Tells over HTTP whether every plugin is ready to answer.
#include <algorithm>
#include <set>

#include "resolver/server/config.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

/// Names of the plugins, of all blocks with `ready` on this address, that are not ready.
std::set<std::string> waiting(const Config& config, const net::Endpoint& at) {
    std::set<std::string> out;
    for (const auto& block : config.blocks) {
        const auto& ready = block->settings.ready;
        if (std::find(ready.begin(), ready.end(), at) == ready.end()) continue;
        for (const auto& handler : block->chain.handlers()) {
            if (!handler->ready()) out.emplace(handler->name());
        }
    }
    return out;
}

run::HttpResponse answer(const ProcessState& state, const net::Endpoint& at) {
    if (state.ending) return {.status = 503, .body = "shutting down"};
    const auto names = waiting(state.config, at);
    if (names.empty()) return {.body = "OK"};
    return {.status = 503, .body = fmt::format("{}", fmt::join(names, ","))};
}

}  // namespace

Result<void> setup_ready(Setup& setup) {
    auto& d = setup.tokens();
    std::string address = ":8181";
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (words.size() > 1) return d.arg_err();
        if (!words.empty()) address = words.front();
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    const auto at = http_address(address);
    if (!at) return setup.error(at.error().text);
    setup.settings().ready.push_back(*at);
    setup.process().pages.push_back(
        {.plugin = "ready", .at = *at, .path = "/ready", .answer = [at = *at](const auto& state) {
             return answer(state, at);
         }});
    return {};
}

}  // namespace ipref::resolver
