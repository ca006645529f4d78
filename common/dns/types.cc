// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/types.h"

#include <fmt/format.h>

#include <charconv>
#include <span>

namespace ipref::dns {

namespace {

struct Word {
    uint16_t number;
    std::string_view text;
};

constexpr Word kTypes[] = {
    {1, "A"},           {2, "NS"},         {3, "MD"},        {4, "MF"},       {5, "CNAME"},
    {6, "SOA"},         {7, "MB"},         {8, "MG"},        {9, "MR"},       {10, "NULL"},
    {11, "WKS"},        {12, "PTR"},       {13, "HINFO"},    {14, "MINFO"},   {15, "MX"},
    {16, "TXT"},        {17, "RP"},        {18, "AFSDB"},    {19, "X25"},     {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},      {23, "NSAP-PTR"}, {24, "SIG"},     {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},      {28, "AAAA"},     {29, "LOC"},     {30, "NXT"},
    {31, "EID"},        {32, "NIMLOC"},    {33, "SRV"},      {34, "ATMA"},    {35, "NAPTR"},
    {36, "KX"},         {37, "CERT"},      {38, "A6"},       {39, "DNAME"},   {40, "SINK"},
    {41, "OPT"},        {42, "APL"},       {43, "DS"},       {44, "SSHFP"},   {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},      {48, "DNSKEY"},   {49, "DHCID"},   {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},      {53, "SMIMEA"},   {55, "HIP"},     {56, "NINFO"},
    {57, "RKEY"},       {58, "TALINK"},    {59, "CDS"},      {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
    {62, "CSYNC"},      {63, "ZONEMD"},    {64, "SVCB"},     {65, "HTTPS"},   {99, "SPF"},
    {100, "UINFO"},     {101, "UID"},      {102, "GID"},     {103, "UNSPEC"}, {104, "NID"},
    {105, "L32"},       {106, "L64"},      {107, "LP"},      {108, "EUI48"},  {109, "EUI64"},
    {249, "TKEY"},      {250, "TSIG"},     {251, "IXFR"},    {252, "AXFR"},   {253, "MAILB"},
    {254, "MAILA"},     {255, "ANY"},      {256, "URI"},     {257, "CAA"},    {258, "AVC"},
    {259, "DOA"},       {260, "AMTRELAY"}, {32768, "TA"},    {32769, "DLV"},
};

constexpr Word kClasses[] = {{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}};

constexpr Word kRcodes[] = {
    {0, "NOERROR"},  {1, "FORMERR"},  {2, "SERVFAIL"},  {3, "NXDOMAIN"},   {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"}, {7, "YXRRSET"},   {8, "NXRRSET"},    {9, "NOTAUTH"},
    {10, "NOTZONE"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},   {19, "BADMODE"},
    {20, "BADNAME"}, {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

constexpr char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

bool same_word(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); i++) {
        if (upper(a[i]) != upper(b[i])) return false;
    }
    return true;
}

std::string text_of(std::span<const Word> words, std::string_view generic, uint16_t number) {
    for (const auto& word : words) {
        if (word.number == number) return std::string(word.text);
    }
    return fmt::format("{}{}", generic, number);
}

std::optional<uint16_t> number_of(std::span<const Word> words, std::string_view generic,
                                  std::string_view text) {
    for (const auto& word : words) {
        if (same_word(word.text, text)) return word.number;
    }
    if (text.size() <= generic.size()) return std::nullopt;
    if (!same_word(text.substr(0, generic.size()), generic)) return std::nullopt;
    uint16_t number = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + generic.size(), end, number);
    if (error != std::errc() || at != end) return std::nullopt;
    return number;
}

}  // namespace

std::string type_text(uint16_t type) {
    return text_of(kTypes, "TYPE", type);
}

std::optional<uint16_t> parse_type(std::string_view text) {
    return number_of(kTypes, "TYPE", text);
}

std::string class_text(uint16_t klass) {
    return text_of(kClasses, "CLASS", klass);
}

std::optional<uint16_t> parse_class(std::string_view text) {
    return number_of(kClasses, "CLASS", text);
}

std::string rcode_text(uint16_t rcode) {
    return text_of(kRcodes, "RCODE", rcode);
}

std::optional<uint16_t> parse_rcode(std::string_view text) {
    return number_of(kRcodes, "RCODE", text);
}

}  // namespace ipref::dns
