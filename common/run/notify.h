// SPDX-License-Identifier: GPL-2.0-or-later
// sd_notify(3) without libsystemd: one datagram to the socket named by NOTIFY_SOCKET.
#pragma once

#include <optional>
#include <string_view>

#include "common/run/loop.h"

namespace ipref::run {

/// Sends a state such as "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=text"; several are
/// separated by newlines. Does nothing outside systemd; false if it could not be delivered.
bool notify(std::string_view state);

/// How often to send WATCHDOG=1: half of WATCHDOG_USEC, if that is set and meant for this process.
std::optional<Milliseconds> watchdog_period();

}  // namespace ipref::run
