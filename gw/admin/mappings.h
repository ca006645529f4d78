// SPDX-License-Identifier: GPL-2.0-or-later
// `ipref-gw mappings`: a listing of any length, a page at a time.
#pragma once

#include <mapper.pb.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gw/admin/answer.h"

namespace ipref::gw::admin {

/// Which mappings; what is empty does not matter.
struct MappingQuery {
    /// Addresses of the host, encoded or ours: those of any of them. Empty: of all.
    std::vector<std::string> hosts;
    std::string gw;   ///< 4 or 16 bytes
    std::string ref;  ///< 16 bytes
    std::string owner;
};

/// Where pages come from: Client::ask, or a test.
using Ask = std::function<Answer<proto::Frame>(proto::Frame request)>;
/// Takes what is to be written now; false: nobody reads it any more.
using Write = std::function<bool(std::string_view text)>;

/// Writes the listing, page by page: never more than a page of it is held. `json`: as
/// ipref.mappings/1, else in columns.
Answer<void> list_mappings(const MappingQuery& query, bool json, const Ask& ask,
                           const Write& write);

}  // namespace ipref::gw::admin
