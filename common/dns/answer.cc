// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/answer.h"

#include <algorithm>

#include "common/dns/soa.h"

namespace ipref::dns {

namespace {

/// The records that can matter: CNAMEs and the type asked for, and SOA where that is denied.
struct Collected {
    std::vector<std::pair<RecordView, Name>> aliases;  // with their target
    std::vector<RecordView> records;
    std::vector<RecordView> starts;  // SOA, of the authority section
};

Result<Collected> collect(MessageReader& reader, uint16_t type) {
    Collected found;
    while (const auto record = reader.record()) {
        if (record->klass != klass::kIn) continue;
        if (record->section == Section::authority && record->type == rr::kSoa) {
            found.starts.push_back(*record);
        }
        if (record->section != Section::answer) continue;
        if (record->type == type) {
            found.records.push_back(*record);
        } else if (record->type == rr::kCname) {
            const auto target = reader.rdata_name(*record);
            if (!target) return fail("malformed CNAME in the answer");
            found.aliases.emplace_back(*record, *target);
        }
    }
    if (!reader.ok()) return fail("malformed answer");
    return found;
}

Result<Record> own(const MessageReader& reader, const RecordView& view) {
    auto data = reader.plain_rdata(view);
    if (!data) return fail("malformed {} record in the answer", type_text(view.type));
    return Record{view.owner, view.type, view.klass, sane_ttl(view.ttl), std::move(*data)};
}

Result<void> check_question(MessageReader& reader, const Name& name, uint16_t type) {
    if (!reader.ok()) return fail("malformed answer");
    if (!reader.header().has(flag::kQr)) return fail("not an answer");
    const auto question = reader.question();
    if (!question || question->type != type || question->klass != klass::kIn ||
        question->name != name) {
        return fail("the answer is to another question");
    }
    return {};
}

/// Follows the aliases from `name` on; gives the last target.
Result<Name> follow(const MessageReader& reader, const Collected& found, const Name& name,
                    std::vector<Record>& chain) {
    Name at = name;
    for (;;) {
        const auto alias = std::find_if(found.aliases.begin(), found.aliases.end(),
                                        [&](const auto& one) { return one.first.owner == at; });
        if (alias == found.aliases.end()) return at;
        if (chain.size() == kMaxChain) return fail("a chain of more than {} CNAMEs", kMaxChain);
        auto record = own(reader, alias->first);
        if (!record) return tl::unexpected(record.error());
        chain.push_back(std::move(*record));
        at = alias->second;
    }
}

/// Of the first SOA that can speak for `name`.
std::optional<uint32_t> denied_for(const MessageReader& reader, const Collected& found,
                                   const Name& name) {
    for (const auto& view : found.starts) {
        const auto data = reader.plain_rdata(view);
        if (!name.is_under(view.owner) || !data || !soa_serial(*data)) continue;
        return std::min(sane_ttl(view.ttl), sane_ttl(soa_minimum(*data)));
    }
    return {};
}

}  // namespace

std::vector<net::Ip> Answer::ips() const {
    std::vector<net::Ip> all;
    for (const auto& record : records) {
        if (record.type == rr::kA && record.rdata.size() == 4) {
            all.emplace_back(net::Family::v4, record.rdata.data());
        }
        if (record.type == rr::kAaaa && record.rdata.size() == 16) {
            all.emplace_back(net::Family::v6, record.rdata.data());
        }
    }
    return all;
}

Result<Answer> parse_answer(Bytes message, const Name& name, uint16_t type) {
    MessageReader reader(message);
    if (auto checked = check_question(reader, name, type); !checked) {
        return tl::unexpected(checked.error());
    }
    Answer answer;
    answer.rcode = reader.header().rcode();
    answer.authenticated = reader.header().has(flag::kAd);
    if (answer.rcode != rcode::kNoError && answer.rcode != rcode::kNxDomain) {
        return fail("{}", rcode_text(answer.rcode));
    }
    const auto found = collect(reader, type);
    if (!found) return tl::unexpected(found.error());
    const auto end = follow(reader, *found, name, answer.chain);
    if (!end) return tl::unexpected(end.error());
    for (const auto& view : found->records) {
        if (view.owner != *end) continue;
        auto record = own(reader, view);
        if (!record) return tl::unexpected(record.error());
        answer.records.push_back(std::move(*record));
    }
    bool first = true;
    for (const auto* part : {&answer.chain, &answer.records}) {
        for (const auto& record : *part) {
            answer.ttl = first ? record.ttl : std::min(answer.ttl, record.ttl);
            first = false;
        }
    }
    if (answer.records.empty()) answer.denied_for = denied_for(reader, *found, *end);
    if (answer.denied_for && !answer.chain.empty()) {
        answer.denied_for = std::min(*answer.denied_for, answer.ttl);
    }
    return answer;
}

}  // namespace ipref::dns
