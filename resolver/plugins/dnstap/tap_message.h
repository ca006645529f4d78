// SPDX-License-Identifier: GPL-2.0-or-later
// Queries and answers as dnstap messages (proto/dnstap.proto).
#pragma once

#include <chrono>
#include <string>

#include "resolver/server/query.h"

namespace ipref::resolver::dnstap {

/// What one use of the plugin says with each message.
struct Speaker {
    std::string identity;
    std::string version;
    bool full = false;  ///< the DNS messages too
};

/// The client's question, when it has come.
std::string query_message(const Speaker& speaker, const Query& q, const std::string& extra);
/// The answer to it, on its way back.
std::string response_message(const Speaker& speaker, const Query& q, const std::string& extra);

}  // namespace ipref::resolver::dnstap
