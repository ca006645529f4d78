// SPDX-License-Identifier: GPL-2.0-or-later
// What a deployed gateway's database says. Buckets, all big-endian; marks are seconds since the
// file's time base:
//   oid     owner u32 -> its name; "mapper" made the dynamic mappings
//   mark    owner u32 -> mark u32
//   ea      EA -> owner u32, mark u32, record
//   ref     ref of 16 bytes -> owner u32, mark u32, record
//   record  EA, our IP, gw, ref of 16 bytes; an address that does not apply is zeros
// A record is live while its mark is not below its owner's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/wire/cursor.h"
#include "gw/mapping/change.h"

namespace ipref::gw::bolt {

/// Which family each side has: the file's name says it.
struct Families {
    net::Family ea = net::Family::v4;
    net::Family gw = net::Family::v4;
};

struct Mapping {
    Relation relation = Relation::remote;
    net::Ip ip;  ///< EA, or our host
    net::IpRef ipref;
    uint32_t owner = 0;  ///< index in Contents::owners
    uint32_t mark = 0;
    bool live = false;
};

struct Contents {
    std::vector<std::string> owners;
    std::vector<Mapping> mappings;
};

/// The owner of dynamic mappings.
inline constexpr std::string_view kMapper = "mapper";

/// `file`: the whole of it. An error says what is damaged.
Result<Contents> parse(wire::Bytes file, Families families);

}  // namespace ipref::gw::bolt
