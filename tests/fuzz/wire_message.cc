// SPDX-License-Identifier: GPL-2.0-or-later
// DNS messages: whatever comes is read within bounds; what was read, and is written again, reads
// the same.
#include "common/dns/wire_message.h"

#include <cstdlib>
#include <vector>

#include "common/dns/answer.h"

using namespace ipref::dns;

namespace {

struct Content {
    std::vector<Question> questions;
    std::vector<std::pair<Section, Record>> records;
    bool whole = false;

    friend bool operator==(const Content&, const Content&) = default;
};

Content read(Bytes message) {
    Content content;
    MessageReader reader(message);
    while (const auto question = reader.question()) content.questions.push_back(*question);
    bool plain = true;
    while (const auto view = reader.record()) {
        if (view->type == rr::kOpt) Edns::from(*view).option(option::kExtendedError);
        auto data = reader.plain_rdata(*view);
        plain = plain && data.has_value();
        if (!data) data.emplace();
        content.records.emplace_back(view->section, Record{view->owner, view->type, view->klass,
                                                           view->ttl, std::move(*data)});
    }
    content.whole = plain && reader.done();
    return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto content = read({data, size});
    if (!content.questions.empty()) {
        const auto& question = content.questions.front();
        (void)parse_answer({data, size}, question.name, question.type);
        const auto again = Name::parse(question.name.str());
        if (!again || *again != question.name) std::abort();
    }
    if (!content.whole) return 0;
    std::vector<uint8_t> space(kMaxMessage);
    MessageWriter writer(space);
    for (const auto& question : content.questions) {
        if (!writer.question(question)) return 0;  // names grew by decompression
    }
    for (const auto& [section, record] : content.records) {
        if (!writer.record(section, record)) return 0;
    }
    if (!(read(writer.finish(1, 0)) == content)) std::abort();
    return 0;
}
