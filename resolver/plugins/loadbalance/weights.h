// SPDX-License-Identifier: GPL-2.0-or-later
// Weights of addresses, by name, from a file:
//
//     # comment
//     www.example.org
//     192.0.2.1 3
//     2001:db8::1 1
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "common/dns/name.h"
#include "common/net/ip.h"

namespace ipref::resolver {

class Weights {
  public:
    /// Errors name file and line.
    static Result<Weights> parse(std::string_view text, const std::string& file);
    /// 1 to 255; 1 for what the file does not name.
    unsigned of(const dns::Name& name, const net::Ip& ip) const;

  private:
    std::unordered_map<dns::Name, std::unordered_map<net::Ip, unsigned>> names_;
};

}  // namespace ipref::resolver
