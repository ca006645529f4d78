// SPDX-License-Identifier: GPL-2.0-or-later
// What agents say about their sources, in `ipref-gw status`.
#pragma once

#include <mapper.pb.h>

#include <string>

#include "common/run/json.h"

namespace ipref::gw::admin {

/// One table an agent; empty if there is none.
std::string agents_text(const proto::Status& status);
/// An object: client, release, sources.
void put_agent(const proto::Status::Agent& agent, run::Json& json);

}  // namespace ipref::gw::admin
