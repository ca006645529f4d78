// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of table entries: blocks of their own, so that millions of them neither cost malloc's
// headers nor hold together the pages of what came and went between them.
#pragma once

#include <cstddef>

namespace ipref::gw {

/// Space for one Entry; any thread. Throws std::bad_alloc. What is given back is used again, not
/// returned to the system.
void* take_entry_space();
void give_entry_space(void* space);

}  // namespace ipref::gw
