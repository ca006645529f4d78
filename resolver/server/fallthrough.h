// SPDX-License-Identifier: GPL-2.0-or-later
// The option `fallthrough [ZONES...]`, which many plugins have.
#pragma once

#include <string>
#include <vector>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

/// `to` gets the zones that the option names, and `bare` where it names none. `setup` and `to` have
/// to outlive the reading of the block.
void fallthrough_option(OptionTable& table, const Setup& setup, std::vector<Name>& to,
                        std::vector<Name> bare, std::string help);

}  // namespace ipref::resolver
