// SPDX-License-Identifier: GPL-2.0-or-later
// An upstream's answer on its way through the cache: taken apart, judged, packed, and unpacked
// again with the same records.
#include <cstdlib>
#include <vector>

#include "common/dns/wire_message.h"
#include "resolver/plugins/cache/classify.h"
#include "resolver/server/encode.h"
#include "resolver/server/query.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

bool same(const std::vector<RecordRef>& a, const std::vector<RecordRef>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); i++) {
        if (a[i].type != b[i].type || a[i].klass != b[i].klass || a[i].ttl != b[i].ttl)
            return false;
        if (a[i].owner.size() != b[i].owner.size() || !dns::same_bytes(a[i].owner, b[i].owner)) {
            return false;
        }
        if (a[i].rdata.size() != b[i].rdata.size()) return false;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    dns::MessageReader reader({data, size});
    const auto question = reader.question();
    if (!question) return 0;
    Query q;
    q.request.name = question->name;
    q.request.lower = question->name.lower();
    q.request.type = question->type;
    q.request.klass = question->klass;
    if (!q.take_message({data, size})) return 0;
    (void)cache::classify(q.request, q.reply);
    (void)cache::has_dnssec(q.reply, question->type);
    static std::vector<uint8_t> space(dns::kMaxMessage);
    const size_t packed = encode_packed(q.request, q.reply, space);
    if (packed == 0) return 0;
    Query again;
    again.request = q.request;
    again.reply.packed.message = std::span(space).first(packed);
    again.unpack();
    const bool kept = same(q.reply.answer, again.reply.answer) &&
                      same(q.reply.authority, again.reply.authority) &&
                      same(q.reply.additional, again.reply.additional);
    if (!kept) std::abort();
    return 0;
}
