// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipref::run {

/// The word of `known` that `word` was probably meant to be (few edits away), or "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace ipref::run
