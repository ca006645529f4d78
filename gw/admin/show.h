// SPDX-License-Identifier: GPL-2.0-or-later
// What the gateway answers, as text and as JSON. The JSON of a schema is only ever added to: names
// that are there keep their meaning. Ages and uptimes are seconds, sizes bytes.
#pragma once

#include <mapper.pb.h>

#include <string>
#include <vector>

#include "common/run/json.h"

namespace ipref::gw::admin {

std::string status_text(const proto::Status& status);
std::string status_json(const proto::Status& status);  ///< ipref.status/1
/// 0: healthy, 1: degraded, there are problems.
int status_exit(const proto::Status& status);

/// `peers` in the order they are to be shown in.
std::string peers_text(const std::vector<proto::Peers::Peer>& peers);
std::string peers_json(const std::vector<proto::Peers::Peer>& peers);  ///< ipref.peers/1

std::string counters_text(const proto::Counters& counters);
std::string counters_json(const proto::Counters& counters);  ///< ipref.counters/1

std::string drops_text(const proto::Counters& counters);
std::string drops_json(const proto::Counters& counters);  ///< ipref.drops/1

/// An address as the gateway gives it; "?" if it is none.
std::string address(const std::string& bytes);
/// "198.51.100.9 + 22".
std::string ipref(const proto::IpRef& ipref);
/// Text of somebody else's, with what a terminal would obey replaced.
std::string harmless(std::string_view text);

}  // namespace ipref::gw::admin
