// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of plugin rewrite: what they change in a query, and what they leave to be done to its
// answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "resolver/corefile/token.h"
#include "resolver/plugins/rewrite/matcher.h"
#include "resolver/server/query.h"

namespace ipref::resolver::rewrite {

// -- what is done to an answer

/// Owner names of all records.
struct RenameOwners {
    Rewriter rewriter;
};
/// Names in the data of CNAME, DNAME, MX, NAPTR, NS, PTR, SOA and SRV records.
struct RenameValues {
    Rewriter rewriter;
};
struct LimitTtl {
    uint32_t least = 0;
    uint32_t most = UINT32_MAX;
};
struct ChangeRcode {
    uint16_t from = 0;
    uint16_t to = 0;
};
/// A CNAME whose target is meant gets another one, which is then looked up.
struct ChangeCname {
    std::shared_ptr<const Replacement> target;
};
using Response = std::variant<RenameOwners, RenameValues, LimitTtl, ChangeRcode, ChangeCname>;

/// What is kept of a query until its answer is there.
struct Pending {
    bool changed = false;
    Name name;
    uint16_t type = 0;
    uint16_t klass = 0;
    ClientEdns edns;
    std::vector<Response> responses;  ///< the last one comes first
};

class Rule {
  public:
    virtual ~Rule() = default;
    /// False: the rule is not about this query.
    virtual bool apply(Query& q, Pending& pending) const = 0;
    /// Some class other than IN is meant.
    virtual bool other_classes() const { return false; }
};

/// The words behind `rewrite [continue|stop]`, those of a block in a row.
Result<std::unique_ptr<Rule>> parse_rule(const std::vector<std::string>& words);
/// Behind "edns0".
Result<std::unique_ptr<Rule>> parse_edns0_rule(const std::vector<std::string>& words);

/// Does everything but ChangeCname to an answer.
void respond(Query& q, const Response& response);
/// The new target of the answer's first CNAME that is meant, with the answer cut down to its
/// CNAMEs, changed; nothing if there is none.
std::optional<Name> retarget(Query& q, const ChangeCname& change);

}  // namespace ipref::resolver::rewrite
