// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin loop's end of the process, apart so that tests can look instead.
#pragma once

#include <string>

namespace ipref::resolver::loop {

/// What is done when a loop has been found. Default: the text goes to the log and the process ends
/// with status 1. May be called on any worker's thread.
using Found = void (*)(const std::string& text);
Found on_found(Found other);

}  // namespace ipref::resolver::loop
