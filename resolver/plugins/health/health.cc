// SPDX-License-Identifier: GPL-2.0-or-later
// Tells over HTTP that the process lives, asks itself once a second how that feels, and has it go
// on for a while when it is asked to end.
#include "resolver/plugins/health/self_check.h"
#include "resolver/server/config.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_health(Setup& setup) {
    auto& d = setup.tokens();
    std::string address = ":8080";
    Nanoseconds lameduck{0};
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (words.size() > 1) return d.arg_err();
        if (!words.empty()) address = words.front();
        OptionTable options;
        options.duration("lameduck", lameduck, Nanoseconds(0), std::chrono::hours(1),
                         "How long the process goes on when it is asked to end.");
        if (auto read = options.read_block(d); !read) return read;
    }
    const auto at = http_address(address);
    if (!at) return setup.error(at.error().text);
    auto& process = setup.process();
    process.lameduck = std::max(process.lameduck, lameduck);
    process.pages.push_back(
        {.plugin = "health", .at = *at, .path = "/health", .answer = [](const auto&) {
             return run::HttpResponse{.body = "OK"};
         }});
    if (at->port == 0) return {};  // a port of the kernel's choosing: for tests
    process.services.emplace_back([at = *at, counts = SelfCheck::counts(setup.metrics())](
                                      run::Loop& loop) -> std::unique_ptr<Service> {
        return std::make_unique<SelfCheck>(loop, at, counts);
    });
    return {};
}

}  // namespace ipref::resolver
