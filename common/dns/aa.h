// SPDX-License-Identifier: GPL-2.0-or-later
// AA records: the strings of a TXT record that publish a host, "AA gw.example.com + 1025".
// Source: spec "The IPREF protocol", section "AA records".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/dns/name.h"
#include "common/net/ip.h"
#include "common/net/ref.h"
#include "common/result.h"

namespace ipref::dns {

/// Where a host is reached: its gateway, by address or by a name to be looked up, and its ref.
struct Aa {
    std::variant<net::Ip, Name> gw;
    net::Ref ref;

    std::string str() const;
    friend bool operator==(const Aa&, const Aa&) = default;
};

/// Whether the string claims to be an AA record: it begins with these three bytes, "AA ".
bool is_aa(std::string_view text);
/// One AA string, "AA gw + ref"; spaces around `+` are optional. Each error has its own message,
/// without the owner's name: the caller knows that.
Result<Aa> parse_aa(std::string_view text);

/// The strings of a TXT record's data (RFC 1035 section 3.3.14); nothing if malformed.
std::optional<std::vector<std::string_view>> txt_strings(Bytes rdata);

/// The AA records of a TXT record, and what is wrong with those strings that begin "AA " and are
/// none. Other strings are passed over.
struct AaRecords {
    std::vector<Aa> good;
    std::vector<Error> bad;
};
AaRecords aa_of_txt(Bytes rdata);

}  // namespace ipref::dns
