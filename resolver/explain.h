// SPDX-License-Identifier: GPL-2.0-or-later
// -explain NAME TYPE: which server block a query meets, and which plugins in which order.
#pragma once

#include <string>

#include "resolver/server/config.h"

namespace ipref::resolver {

/// Lines for people, one paragraph a listener. Errors: NAME is no name, TYPE no type.
Result<std::string> explain_query(const Config& config, std::string_view name,
                                  std::string_view type);

}  // namespace ipref::resolver
