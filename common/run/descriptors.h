// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

namespace ipref::run {

/// Lets this process open as many descriptors as the system's hard limit allows: the soft limit is
/// often 1024 for the sake of select(2), which nothing here uses. Returns the limit in force.
size_t raise_descriptor_limit();

}  // namespace ipref::run
