// SPDX-License-Identifier: GPL-2.0-or-later
// sd_notify(3) without libsystemd: one datagram to the socket named by NOTIFY_SOCKET.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "common/run/loop.h"

namespace ipref::run {

/// Sends a state such as "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=text"; several are
/// separated by newlines. `fds` go with it (FDSTORE=1; see listen_fds.h). Does nothing outside
/// systemd; false if it could not be delivered.
bool notify(std::string_view state, std::span<const int> fds = {});

/// RELOADING=1 with the time, as Type=notify-reload wants it; READY=1 ends what it begins.
bool notify_reloading();

/// How often to send WATCHDOG=1: half of WATCHDOG_USEC, if that is set and meant for this process.
std::optional<Milliseconds> watchdog_period();

}  // namespace ipref::run
