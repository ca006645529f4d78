// SPDX-License-Identifier: GPL-2.0-or-later
// The system calls that the programs need once they have started, as a seccomp filter.
#pragma once

#include "common/result.h"

namespace ipref::run {

/// For this thread and those that it starts; needs no_new_privs. Others than those listed fail with
/// ENOSYS.
Result<void> restrict_system_calls();

}  // namespace ipref::run
