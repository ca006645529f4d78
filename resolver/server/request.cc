// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/request.h"

#include <algorithm>

#include "common/dns/wire_message.h"

namespace ipref::resolver {

namespace {

using Verdict = ParsedRequest::Verdict;

/// Some clients send more than OPT and TSIG; all are read, so there is an end to it.
constexpr size_t kMostAdditionals = 32;
constexpr size_t kLeastRecord = 11;  // bytes
constexpr size_t kClientCookie = 8;
constexpr size_t kLeastServerCookie = 16, kMostServerCookie = 40;  // both cookies together

/// Options fill the data exactly, and a cookie has one of the sizes of RFC 7873 section 5.2.2.
bool options_good(Bytes options) {
    wire::Reader in(options);
    while (in.ok() && in.left() > 0) {
        const uint16_t code = in.u16();
        const auto data = in.take(in.u16());
        if (code != dns::option::kCookie || !in.ok()) continue;
        const size_t size = data.size();
        if (size != kClientCookie && (size < kLeastServerCookie || size > kMostServerCookie)) {
            return false;
        }
    }
    return in.ok();
}

void take_header(const dns::Header& header, Request& request) {
    request.id = header.id;
    request.opcode = header.opcode();
    request.rd = header.has(dns::flag::kRd);
    request.cd = header.has(dns::flag::kCd);
    request.ad = header.has(dns::flag::kAd);
}

bool take_opt(const dns::RecordView& record, Request& request) {
    const auto opt = dns::Edns::from(record);
    if (request.edns.present || !record.owner.is_root() || !options_good(opt.options)) return false;
    request.edns = {.present = true,
                    .version = opt.version,
                    .udp_size = opt.udp_size,
                    .dnssec_ok = opt.dnssec_ok,
                    .options = opt.options};
    return true;
}

}  // namespace

ParsedRequest parse_request(Bytes message, Request& request) {
    const auto header = dns::Header::read(message);
    if (!header || header->has(dns::flag::kQr)) return {Verdict::silence};
    const uint8_t opcode = header->opcode();
    if (opcode != dns::opcode::kQuery && opcode != dns::opcode::kNotify) {
        return {Verdict::header, dns::rcode::kNotImp};
    }
    const size_t room = (message.size() - dns::kHeaderSize) / kLeastRecord;
    if (header->questions != 1 || header->answers > 1 || header->authorities > 1 ||
        header->additionals > std::min(room, kMostAdditionals)) {
        return {Verdict::header, dns::rcode::kFormErr};
    }
    dns::MessageReader in(message);
    const auto question = in.question();
    if (!question) return {Verdict::header, dns::rcode::kFormErr};
    take_header(*header, request);
    request.wire = message;
    request.name = question->name;
    request.lower = question->name.lower();
    request.type = question->type;
    request.klass = question->klass;
    request.edns = {};
    while (const auto record = in.record()) {
        if (record->type != dns::rr::kOpt) continue;
        const bool placed = record->section == dns::Section::additional;
        if (!placed || !take_opt(*record, request)) {
            return {Verdict::refuse, dns::rcode::kFormErr};
        }
    }
    if (!in.ok()) return {Verdict::refuse, dns::rcode::kFormErr};
    return {Verdict::ask};
}

size_t reply_limit(const Request& request) {
    if (!request.is_udp()) return dns::kMaxMessage;
    if (!request.edns.present) return dns::kPlainUdpSize;
    return std::max<size_t>(request.edns.udp_size, dns::kPlainUdpSize);
}

}  // namespace ipref::resolver
