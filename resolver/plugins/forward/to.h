// SPDX-License-Identifier: GPL-2.0-or-later
// Whom plugin forward asks: the words behind its FROM.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/doh_client.h"
#include "common/net/ip.h"

namespace ipref::resolver::forward {

/// One server that is forwarded to.
struct To {
    net::Endpoint at;
    bool tls = false;
    /// Of "tls://ADDRESS%NAME"; empty: that of the option, or `host`, or the address.
    std::string tls_name = {};
    std::optional<dns::DohTarget> doh = {};  ///< over HTTPS; `tls` too
    /// If the word has a host name; `at` has its address once it is looked up.
    std::string host = {};
    std::string word = {};  ///< as the Corefile has it

    /// As logs and metrics name it: "192.0.2.1:53", "tls://192.0.2.1:853",
    /// "https://192.0.2.1:443/dns-query".
    std::string str() const;
};

/// "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "dns://192.0.2.1", "tls://192.0.2.1" (853),
/// "tls://192.0.2.1%dns.example", "https://192.0.2.1/dns-query" (443), or a file in the format of
/// resolv.conf(5) whose nameserver lines are taken; host names where addresses may stand. `path` is
/// the word as a file's name.
Result<std::vector<To>> parse_to(std::string_view word, const std::string& path);
/// The nameserver lines of such a file, port 53.
std::vector<net::Endpoint> parse_resolv_conf(std::string_view text);

/// Each host name's addresses in its place, asked of `servers` (none: those of /etc/resolv.conf).
/// Waits, a few seconds at most: not for a thread that answers queries. The error names the first
/// that has none.
Result<std::vector<To>> look_up_hosts(const std::vector<To>& all,
                                      const std::vector<net::Endpoint>& servers);

}  // namespace ipref::resolver::forward
