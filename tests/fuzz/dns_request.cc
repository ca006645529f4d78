// SPDX-License-Identifier: GPL-2.0-or-later
// A message from a client, and the answer that goes back. What comes back is well-formed, has the
// client's id and question, and keeps to the client's size.
#include <array>
#include <cstdlib>

#include "common/dns/wire_message.h"
#include "resolver/plugins/transfer/transfer.h"
#include "resolver/server/encode.h"
#include "resolver/server/request.h"

namespace {

using namespace ipref;
using namespace ipref::resolver;

void must(bool condition) {
    if (!condition) std::abort();
}

/// Some records of each section, some of them the client's own words.
void fill(const Request& request, Reply& reply) {
    const auto name = request.name.wire();
    static constexpr uint8_t kAddress[] = {192, 0, 2, 1};
    for (int i = 0; i < 40; i++) {
        reply.answer.push_back({.owner = name, .type = dns::rr::kA, .ttl = 1, .rdata = kAddress});
        reply.authority.push_back(
            {.owner = request.lower.wire(), .type = dns::rr::kNs, .ttl = 1, .rdata = name});
        reply.additional.push_back(
            {.owner = name, .type = dns::rr::kDname, .ttl = 1, .rdata = request.lower.wire()});
    }
}

void check(const Request& request, const Reply& reply) {
    static std::array<uint8_t, dns::kMaxMessage> out;
    const size_t limit = reply_limit(request);
    const Bytes message = Bytes(out).first(encode_reply(request, reply, limit, out));
    must(message.size() <= limit);
    dns::MessageReader in(message);
    must(in.header().id == request.id);
    const auto question = in.question();
    must(question && question->name == request.name && question->type == request.type);
    size_t records = 0;
    for (; const auto record = in.record(); records++) {
        must(in.plain_rdata(*record).has_value());
    }
    must(in.done());
    const size_t whole = reply.answer.size() * 3 + (request.edns.present ? 1 : 0);
    must(in.header().has(dns::flag::kTc) == (records < whole));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes message(data, size);
    Request request;
    const auto parsed = parse_request(message, request);
    using Verdict = ParsedRequest::Verdict;
    if (parsed.verdict == Verdict::silence) return 0;
    if (parsed.verdict == Verdict::header) {
        std::array<uint8_t, dns::kPlainUdpSize> out;
        must(encode_header_only(message, parsed.rcode, out) == dns::kHeaderSize);
        return 0;
    }
    static_cast<void>(client_serial(request));
    Reply reply;
    check(request, reply);
    fill(request, reply);
    check(request, reply);
    request.proto = Proto::tcp;
    check(request, reply);
    return 0;
}
