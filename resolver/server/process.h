// SPDX-License-Identifier: GPL-2.0-or-later
// What a configuration asks of the process beside answering queries: pages served over HTTP, work
// on the main loop, how it is reloaded and how it ends. Plugins prometheus, health, ready and
// reload write it; resolver/program.cc does it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/run/http.h"
#include "resolver/corefile/options.h"

namespace ipref::resolver {

struct Config;

/// What the process is doing, for pages.
struct ProcessState {
    const Config& config;  ///< the one in use
    bool ending = false;   ///< in lameduck mode: still answering, soon to end
};

struct Page {
    std::string_view plugin;  ///< static storage
    net::Endpoint at;
    std::string path;  ///< "/metrics"
    /// On the main loop.
    std::function<run::HttpResponse(const ProcessState&)> answer;
};

/// Runs on the main loop while its configuration is in use; ends with its destruction.
class Service {
  public:
    virtual ~Service() = default;
};

struct ReloadSettings {
    Nanoseconds interval{0};
    Nanoseconds jitter{0};
};

struct ProcessSettings {
    std::vector<Page> pages;
    std::vector<std::function<std::unique_ptr<Service>(run::Loop&)>> services;
    std::vector<std::string> writable;  ///< directories that plugins write to
    std::optional<ReloadSettings> reload;
    Nanoseconds lameduck{0};  ///< between the wish to end and the end
};

/// "ADDRESS:PORT", ":PORT" for all addresses, "localhost:PORT". The error says what it should be.
Result<net::Endpoint> http_address(const std::string& text);

}  // namespace ipref::resolver
