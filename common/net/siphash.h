// SPDX-License-Identifier: GPL-2.0-or-later
// SipHash-2-4 with 64 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): a keyed hash
// whose values nobody without the key can foretell.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ipref::net {

using SipKey = std::array<uint8_t, 16>;

uint64_t siphash(const SipKey& key, std::span<const uint8_t> bytes);

}  // namespace ipref::net
