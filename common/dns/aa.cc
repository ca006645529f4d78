// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/aa.h"

#include "common/wire/cursor.h"

namespace ipref::dns {

namespace {

constexpr std::string_view kMark = "AA ";
constexpr std::string_view kBlanks = " ";  // a tab is none: deployed programs refuse it

std::string_view trim(std::string_view text) {
    const auto from = text.find_first_not_of(kBlanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

/// For error texts: what anybody may have put into a zone, cut and made printable.
std::string shown(std::string_view text) {
    constexpr size_t kMost = 80;
    std::string out;
    for (const char c : text.substr(0, kMost)) out += c >= ' ' && c <= '~' ? c : '?';
    if (text.size() > kMost) out += "...";
    return out;
}

bool looks_like_ip(std::string_view text) {
    return text.find(':') != std::string_view::npos ||
           text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Letters, digits, '-' and '_' in labels: what a host's name may be made of (RFC 1123, and the
/// underscore that is seen in practice).
bool is_host_name(std::string_view text) {
    for (const char c : text) {
        const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!fits) return false;
    }
    return text != ".";
}

Result<std::variant<net::Ip, Name>> parse_gw(std::string_view text) {
    if (text.empty()) return fail("the gateway before '+' is missing");
    if (looks_like_ip(text)) {
        const auto ip = net::Ip::parse(text);
        if (!ip) return fail("the gateway \"{}\" is not an IP address", shown(text));
        return *ip;
    }
    if (!is_host_name(text)) {
        return fail("the gateway \"{}\" is neither an address nor a host name", shown(text));
    }
    const auto name = Name::parse(text);
    if (!name) return fail("the gateway's name is wrong: {}", name.error().text);
    return *name;
}

}  // namespace

std::string Aa::str() const {
    const auto* ip = std::get_if<net::Ip>(&gw);
    return fmt::format("AA {} + {}", ip != nullptr ? ip->str() : std::get<Name>(gw).str(),
                       ref.str());
}

bool is_aa(std::string_view text) {
    return text.starts_with(kMark);
}

Result<Aa> parse_aa(std::string_view text) {
    if (!is_aa(text)) return fail("\"{}\" does not begin with \"AA \"", shown(text));
    const auto body = text.substr(kMark.size());
    const auto plus = body.find('+');
    if (plus == std::string_view::npos) {
        return fail("\"{}\": no '+' between gateway and reference", shown(text));
    }
    if (body.find('+', plus + 1) != std::string_view::npos) {
        return fail("\"{}\": more than one '+'", shown(text));
    }
    const auto gw = parse_gw(trim(body.substr(0, plus)));
    if (!gw) return fail("\"{}\": {}", shown(text), gw.error().text);
    const auto ref_text = trim(body.substr(plus + 1));
    if (ref_text.empty()) return fail("\"{}\": the reference after '+' is missing", shown(text));
    const auto ref = net::Ref::parse(ref_text);
    if (!ref) return fail("\"{}\": {}", shown(text), shown(ref.error().text));
    return Aa{*gw, *ref};
}

std::optional<std::vector<std::string_view>> txt_strings(Bytes rdata) {
    wire::Reader reader(rdata);
    std::vector<std::string_view> strings;
    while (reader.left() > 0) {
        const auto bytes = reader.take(reader.u8());
        if (!reader.ok()) return std::nullopt;
        strings.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return strings;
}

AaRecords aa_of_txt(Bytes rdata) {
    AaRecords records;
    const auto strings = txt_strings(rdata);
    if (!strings) {
        records.bad.push_back({"the TXT record's data is malformed"});
        return records;
    }
    for (const auto text : *strings) {
        if (!is_aa(text)) continue;
        auto aa = parse_aa(text);
        if (aa) {
            records.good.push_back(std::move(*aa));
        } else {
            records.bad.push_back(std::move(aa.error()));
        }
    }
    return records;
}

}  // namespace ipref::dns
