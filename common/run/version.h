// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace ipref::run {

/// "0.1.0"
extern const char* const kRelease;
/// Abbreviated commit, with "-dirty" if the tree had changes; "unknown" outside a checkout.
extern const char* const kCommit;

}  // namespace ipref::run
