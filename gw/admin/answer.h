// SPDX-License-Identifier: GPL-2.0-or-later
// How an admin command ends when it cannot do what it was asked.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace ipref::gw::admin {

/// Exit statuses of all commands; `status` and `doctor` say more with 1 and 2, see there.
enum Exit : int {
    exit_ok = 0,
    exit_failed = 1,      ///< the gateway refuses, or the output cannot be written
    exit_usage = 2,       ///< a command line that is wrong
    exit_no_gateway = 3,  ///< none answers on the mapper socket
};

struct Trouble {
    Exit status = exit_failed;
    std::string text;  ///< a line for standard error
};

template <typename T>
using Answer = tl::expected<T, Trouble>;

template <typename... Args>
tl::unexpected<Trouble> trouble(Exit status, fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<Trouble>(
        Trouble{status, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace ipref::gw::admin
