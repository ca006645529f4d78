// SPDX-License-Identifier: GPL-2.0-or-later
// DNS over HTTPS (RFC 8484): from an HTTP request to the DNS message in it, and back.
#pragma once

#include <optional>

#include "resolver/server/http.h"
#include "resolver/server/message.h"

namespace ipref::resolver {

/// The path that is served, as CoreDNS does.
constexpr std::string_view kDohPath = "/dns-query";
constexpr std::string_view kDohType = "application/dns-message";

/// The message asked with; or, with a status, why there is none.
struct DohQuestion {
    int status = 200;
    std::vector<uint8_t> message;
};
/// Takes GET with one ?dns= (base64url without padding) and POST with the message as its body.
DohQuestion doh_question(HttpRequest&& request);

/// "max-age=300": the smallest TTL of the answer's records, or, if there are none, what RFC 2308
/// allows for the denial; 0 for failures.
std::string doh_freshness(const Reply& reply);

/// base64url (RFC 4648 section 5) without padding; nothing if it is not that.
std::optional<std::vector<uint8_t>> base64url(std::string_view text);

/// A refusal for people to read.
HttpAnswer http_refusal(int status);

}  // namespace ipref::resolver
