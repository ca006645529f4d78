// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers of the DNS and their names. Source: IANA "Domain Name System Parameters",
// RFC 1035, 6891 (EDNS), 8914 (extended errors).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipref::dns {

/// Record and query types that the programs name; others are plain numbers.
namespace rr {
constexpr uint16_t kA = 1, kNs = 2, kMd = 3, kMf = 4, kCname = 5, kSoa = 6, kMb = 7, kMg = 8;
constexpr uint16_t kMr = 9, kNull = 10, kWks = 11, kPtr = 12, kHinfo = 13, kMinfo = 14, kMx = 15;
constexpr uint16_t kTxt = 16, kRp = 17, kAfsdb = 18, kRt = 21, kSig = 24, kPx = 26, kAaaa = 28;
constexpr uint16_t kNxt = 30, kSrv = 33, kNaptr = 35, kKx = 36, kDname = 39, kOpt = 41, kDs = 43;
constexpr uint16_t kRrsig = 46, kNsec = 47, kDnskey = 48, kNsec3 = 50, kSvcb = 64, kHttps = 65;
constexpr uint16_t kTsig = 250, kIxfr = 251, kAxfr = 252, kAny = 255;
}  // namespace rr

namespace klass {
constexpr uint16_t kIn = 1, kCh = 3, kHs = 4, kNone = 254, kAny = 255;
}

namespace opcode {
constexpr uint8_t kQuery = 0, kIquery = 1, kStatus = 2, kNotify = 4, kUpdate = 5;
}

/// Response codes; from 16 on they need EDNS.
namespace rcode {
constexpr uint16_t kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4;
constexpr uint16_t kRefused = 5, kNotAuth = 9, kBadVers = 16;
}  // namespace rcode

/// Flag bits of the header's second 16-bit word, host order.
namespace flag {
constexpr uint16_t kQr = 0x8000, kAa = 0x0400, kTc = 0x0200, kRd = 0x0100, kRa = 0x0080;
constexpr uint16_t kZ = 0x0040, kAd = 0x0020, kCd = 0x0010;
}  // namespace flag

/// EDNS option codes.
namespace option {
constexpr uint16_t kNsid = 3, kSubnet = 8, kCookie = 10, kKeepalive = 11, kPadding = 12;
constexpr uint16_t kExtendedError = 15;
}  // namespace option

/// Info codes of extended errors (RFC 8914).
namespace ede {
constexpr uint16_t kOther = 0, kStaleAnswer = 3, kDnssecIndeterminate = 5, kNotReady = 14;
constexpr uint16_t kBlocked = 15, kFiltered = 17, kStaleNxDomain = 19;
constexpr uint16_t kProhibited = 18, kNoReachableAuthority = 22, kNetworkError = 23;
constexpr uint16_t kInvalidData = 24;
}  // namespace ede

constexpr size_t kHeaderSize = 12;
constexpr size_t kMaxMessage = 65535;
/// What a message over UDP may hold without EDNS, and what we offer with it (RFC 9715).
constexpr size_t kPlainUdpSize = 512;
constexpr uint16_t kEdnsUdpSize = 1232;

/// "A", "TYPE65280" (RFC 3597) for a number without a name.
std::string type_text(uint16_t type);
/// "A" or "a", "TYPE1234"; nothing for what is no type.
std::optional<uint16_t> parse_type(std::string_view text);
/// "IN", "CLASS42".
std::string class_text(uint16_t klass);
std::optional<uint16_t> parse_class(std::string_view text);
/// "NOERROR", "RCODE24".
std::string rcode_text(uint16_t rcode);
std::optional<uint16_t> parse_rcode(std::string_view text);

}  // namespace ipref::dns
