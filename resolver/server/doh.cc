// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/doh.h"

#include <algorithm>

#include "common/dns/soa.h"
#include "common/dns/wire_message.h"
#include "common/run/http.h"

namespace ipref::resolver {

namespace {

DohQuestion refuse(int status) {
    return {status, {}};
}

/// The one parameter "dns"; nothing if there is none or several.
std::optional<std::string_view> dns_parameter(std::string_view query) {
    std::optional<std::string_view> found;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto one = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (!one.starts_with("dns=")) continue;
        if (found) return std::nullopt;
        found = one.substr(4);
    }
    return found;
}

std::optional<unsigned> digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    if (c == '_') return 63;
    return std::nullopt;
}

/// The field "minimum" at the end of an SOA's data, as a bound of the TTL (RFC 2308 section 5).
uint32_t denial_ttl(const RecordRef& soa) {
    if (soa.rdata.size() < 20) return 0;
    return std::min(soa.ttl, dns::soa_minimum(soa.rdata));
}

}  // namespace

std::optional<std::vector<uint8_t>> base64url(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::vector<uint8_t> out;
    out.reserve(text.size() * 3 / 4);
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const auto value = digit(c);
        if (!value) return std::nullopt;
        bits = bits << 6 | *value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<uint8_t>(bits >> count));
        bits &= (1U << count) - 1;
    }
    if (bits != 0) return std::nullopt;  // bits that no byte holds
    return out;
}

DohQuestion doh_question(HttpRequest&& request) {
    if (request.refused != 0) return refuse(request.refused);
    const std::string_view target = request.target;
    const auto mark = target.find('?');
    if (target.substr(0, mark) != kDohPath) return refuse(404);
    if (request.method == "POST") {
        if (request.type != kDohType) return refuse(415);
        return {200, std::move(request.body)};
    }
    if (request.method != "GET") return refuse(405);
    const auto query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    const auto parameter = dns_parameter(query);
    auto message = parameter ? base64url(*parameter) : std::nullopt;
    if (!message) return refuse(400);
    return {200, std::move(*message)};
}

std::string doh_freshness(const Reply& reply) {
    const bool useful = reply.rcode == dns::rcode::kNoError || reply.rcode == dns::rcode::kNxDomain;
    uint32_t age = UINT32_MAX;
    for (const auto& record : reply.answer) age = std::min(age, record.ttl);
    if (reply.answer.empty()) {
        for (const auto& record : reply.authority) {
            if (record.type == dns::rr::kSoa) age = std::min(age, denial_ttl(record));
        }
    }
    return fmt::format("max-age={}", useful && age != UINT32_MAX ? age : 0);
}

HttpAnswer http_refusal(int status) {
    std::string text;
    switch (status) {
        case 400:
            text = "a DNS message is expected: GET /dns-query?dns=BASE64URL, or POST";
            break;
        case 404:
            text = "DNS is served at /dns-query";
            break;
        case 405:
            text = "use GET or POST";
            break;
        case 411:
            text = "a body needs Content-Length";
            break;
        case 413:
            text = "a DNS message has at most 65535 bytes";
            break;
        case 415:
            text = "the type of the body must be application/dns-message";
            break;
        case 431:
            text = "the head of the request is too large; use POST for large messages";
            break;
        case 505:
            text = "use HTTP/1.1 or HTTP/2";
            break;
        default:
            text = "no answer";
            break;
    }
    HttpAnswer out;
    out.status = status;
    text = fmt::format("{}: {}\n", run::http_reason(status), text);
    out.body.assign(text.begin(), text.end());
    return out;
}

}  // namespace ipref::resolver
