// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace ipref::resolver {

class Query;

/// Plugin cookie as others of its block see it; found by dynamic_cast among the chain's handlers.
class CookieJudge {
  public:
    virtual ~CookieJudge() = default;
    /// The client has shown a cookie that only it can have: its address is not forged.
    virtual bool vouches(const Query& q) const = 0;
};

}  // namespace ipref::resolver
