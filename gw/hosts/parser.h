// SPDX-License-Identifier: GPL-2.0-or-later
// The hosts file: lines with an IPREF part after `#=`, all others ignored.
// Source: spec "ipref-gw", section "Hosts file".
//
//     192.168.10.21  web     #= pub 203.0.113.5 + 1025     our host: IP, [gw], + ref
//     192.168.10.22  ssh     #= pub + 1026                 gw omitted: ours
//     192.168.10.23  db      #= pub 1027                   one word: a ref
//     10.240.8.22    remote  #= ext 198.51.100.9 + 22      their host: EA, gw, + ref
//     192.168.10.24  printer #= loc                        local only, ignored
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gw/mapping/config.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

struct HostsFile {
    std::vector<StaticMapping> mappings;
    std::vector<std::string> errors;  ///< "/etc/hosts:12: ...", one for each line left out
};

/// `name` is the file's name for the errors. A line with an error is skipped alone; at most 1,000
/// errors are kept, the last then says how many more there were.
HostsFile parse_hosts(std::string_view text, std::string_view name, const MappingConfig& config);

/// Reads and parses. A file that cannot be read is an error; one that is not there is too.
/// Files larger than 64 MB are refused.
Result<HostsFile> read_hosts(const std::string& path, const MappingConfig& config);

}  // namespace ipref::gw
