// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers of an SOA's data (RFC 1035 section 3.3.13), with uncompressed names.
#pragma once

#include <cstdint>
#include <optional>

#include "common/dns/name.h"

namespace ipref::dns {

/// Nothing if malformed.
std::optional<uint32_t> soa_serial(Bytes rdata);
/// The last one, a bound of how long a denial holds (RFC 2308 section 5). Of shorter data 0; who
/// has to know whether it is an SOA's asks soa_serial().
uint32_t soa_minimum(Bytes rdata);

}  // namespace ipref::dns
