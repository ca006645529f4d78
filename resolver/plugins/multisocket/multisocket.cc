// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <charconv>
#include <thread>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_multisocket(Setup& setup) {
    auto& d = setup.tokens();
    auto& sockets = setup.settings().sockets;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        sockets = std::max(1U, std::thread::hardware_concurrency());
        if (!d.next_arg()) continue;
        const auto& word = d.val();
        const auto* const end = word.data() + word.size();
        const auto read = std::from_chars(word.data(), end, sockets);
        if (read.ec != std::errc() || read.ptr != end || sockets == 0 || sockets > kMostWorkers) {
            return d.err(
                fmt::format("invalid num sockets: {}; there may be 1 to {}", word, kMostWorkers));
        }
        if (d.next_on_line()) return d.arg_err();
    }
    return {};
}

}  // namespace ipref::resolver
