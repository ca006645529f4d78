// SPDX-License-Identifier: GPL-2.0-or-later
// The HTTP listeners of the process: /metrics, /health, /ready. A listener that both the old and
// the new configuration name is kept over a reload; its pages change over at once.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/run/http.h"
#include "resolver/server/config.h"

namespace ipref::resolver {

class Endpoints {
  public:
    using Servers = std::map<net::Endpoint, std::unique_ptr<run::HttpServer>>;

    explicit Endpoints(run::Loop& loop) : loop_(loop) {}

    /// Listens where the configuration wants pages and nobody listens yet, so that a port in use
    /// is found out before anything changes. Error: "plugin/health: ADDRESS: port in use ...".
    Result<Servers> open(const Config& config);
    /// From now on pages are those of this configuration; listeners that it does not name close.
    void use(Servers opened, std::shared_ptr<const Config> config);
    /// For pages: the process is about to end.
    void ending() { ending_ = true; }
    /// Where the listener that was asked for as `at` really is.
    net::Endpoint address(const net::Endpoint& at) const { return servers_.at(at)->address(); }

  private:
    run::HttpResponse answer(const net::Endpoint& at, const std::string& path) const;

    run::Loop& loop_;
    Servers servers_;
    std::shared_ptr<const Config> config_;
    std::vector<std::unique_ptr<Service>> services_;
    bool ending_ = false;
};

}  // namespace ipref::resolver
