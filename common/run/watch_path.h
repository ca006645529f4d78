// SPDX-License-Identifier: GPL-2.0-or-later
// Which directories decide what a path names, symbolic links included.
#pragma once

#include <string>
#include <vector>

namespace ipref::run {

/// The directory of every symbolic link on the way, at most 40 of them, and the directory of the
/// file itself, or the deepest one that exists; last the file, if it is there. Without repeats.
std::vector<std::string> watched_paths(const std::string& path);

}  // namespace ipref::run
