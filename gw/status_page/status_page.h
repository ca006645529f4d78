// SPDX-License-Identifier: GPL-2.0-or-later
// The page that shows people what the gateway does, on the address of -metrics: read only, nothing
// from elsewhere, and what it shows is put in as text, never as HTML.
#pragma once

#include <mapper.pb.h>

#include <functional>
#include <string>

#include "common/run/http.h"
#include "gw/datapath/datapath.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// What /status.json says. `datapath` is null in devmode. Listings end after
/// some rows, and say so.
std::string status_json(const proto::Status& status, const Table& table, const Datapath* datapath,
                        uint16_t default_port);

/// Adds "/", its script and style, and /status.json as `json` has it.
void handle_status_page(run::HttpServer& server, std::function<std::string()> json);

}  // namespace ipref::gw
