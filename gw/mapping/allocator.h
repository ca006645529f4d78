// SPDX-License-Identifier: GPL-2.0-or-later
// Which numbers dynamic mappings get: random ones that keep clear of what statics may use.
// Source: spec "ipref-gw", section "Mappings".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/mapping/random.h"

namespace ipref::gw {

/// How many encoded addresses of the network are for dynamic mappings: the byte before the last
/// is 16 or more, the last neither 0 nor 255 (network and broadcast addresses). At least 13 host
/// bits. Capped at 2^62.
uint64_t dynamic_addresses(const net::Cidr& encode_net);
bool is_dynamic_address(const net::Cidr& encode_net, const net::Ip& ea);

/// A free one: random tries first, then on from a random place; none if 65,536 in a row are taken.
using EaTaken = std::function<bool(const net::Ip&)>;
std::optional<net::Ip> pick_ea(const net::Cidr& encode_net, Random& random, const EaTaken& taken);

/// A free ref of the 8-byte form (b1 to b8 zero), b14 at least 16: 64 bits less that are random.
/// None if 64 tries fail, which means that something is wrong with the random numbers.
using RefTaken = std::function<bool(const net::Ref&)>;
std::optional<net::Ref> pick_ref(Random& random, const RefTaken& taken);

}  // namespace ipref::gw
