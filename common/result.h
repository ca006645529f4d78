// SPDX-License-Identifier: GPL-2.0-or-later
// Errors as values: what went wrong, where, and what to do about it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace ipref {

/// A sentence for the person who reads the log: names the thing, where it stands, what to do.
/// No trailing full stop, no newline.
struct Error {
    std::string text;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// `return fail("hosts:{}: bad ref \"{}\"", line, word);`
template <typename... Args>
tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace ipref
