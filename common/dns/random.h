// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that nobody else can guess, from the kernel's generator: message ids, choices.
#pragma once

#include <cstdint>

namespace ipref::dns {

/// Any 16 bits. Reads the kernel's generator for many at once; one store a thread.
uint16_t random_id();
/// 0 to below-1, evenly; `below` is 1 to 65536.
uint32_t random_below(uint32_t below);

}  // namespace ipref::dns
