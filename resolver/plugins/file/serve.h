// SPDX-License-Identifier: GPL-2.0-or-later
// Answering a query from a zone, as plugins file, auto and secondary do: the zone's answer, what an
// alias that leaves it leads to, and the next plugin for names that do not exist.
#pragma once

#include <span>

#include "resolver/plugins/file/lookup.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

/// The query has pinned the zone. Names under one of `fallthrough` that do not exist go to the
/// next plugin.
Step serve_from(const Zone& zone, Query& q, std::span<const Name> fallthrough);

}  // namespace ipref::resolver
