// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/ldns.h"

namespace ipref::dns {

namespace {

struct FreeBytes {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
};

}  // namespace

std::string take_ldns_text(char* text) {
    if (text == nullptr) return {};
    std::string taken = text;
    std::free(text);
    while (taken.ends_with('\n')) taken.pop_back();
    return taken;
}

Result<Record> record_of(const ldns_rr& rr) {
    uint8_t* raw = nullptr;
    size_t size = 0;
    const auto status = ldns_rr2wire(&raw, &rr, LDNS_SECTION_ANSWER, &size);
    const std::unique_ptr<uint8_t, FreeBytes> owner(raw);
    if (status != LDNS_STATUS_OK) {
        return fail("record cannot be encoded: {}", ldns_get_errorstr_by_id(status));
    }
    const Bytes wire(raw, size);
    const auto name = Name::from_wire(wire);
    constexpr size_t kFixed = 10;  // type, class, TTL, length
    if (!name || size < name->size() + kFixed) return fail("record has a malformed owner name");
    Record record;
    record.owner = *name;
    record.type = static_cast<uint16_t>(ldns_rr_get_type(&rr));
    record.klass = static_cast<uint16_t>(ldns_rr_get_class(&rr));
    record.ttl = ldns_rr_ttl(&rr);
    const auto data = wire.subspan(name->size() + kFixed);
    record.rdata.assign(data.begin(), data.end());
    return record;
}

Result<LdnsRr> to_ldns(const Record& record) {
    if (record.rdata.size() > 0xffff) return fail("record data of {} bytes", record.rdata.size());
    std::vector<uint8_t> wire(record.owner.size() + 10 + record.rdata.size());
    wire::Writer writer(wire);
    writer.bytes(record.owner.wire());
    writer.u16(record.type);
    writer.u16(record.klass);
    writer.u32(record.ttl);
    writer.u16(static_cast<uint16_t>(record.rdata.size()));
    writer.bytes(record.rdata);
    ldns_rr* rr = nullptr;
    size_t at = 0;
    const auto status = ldns_wire2rr(&rr, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER);
    if (status != LDNS_STATUS_OK) {
        return fail("{} {}: {}", record.owner.str(), type_text(record.type),
                    ldns_get_errorstr_by_id(status));
    }
    return LdnsRr(rr);
}

Result<Record> parse_record(const std::string& line) {
    ldns_rr* rr = nullptr;
    const auto status = ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr);
    const LdnsRr owner(rr);
    if (status != LDNS_STATUS_OK) {
        return fail("\"{}\" is not a record: {}", line, ldns_get_errorstr_by_id(status));
    }
    return record_of(*rr);
}

std::string rdata_text(const Record& record) {
    const auto rr = to_ldns(record);
    if (!rr) return {};
    std::string text;
    for (size_t i = 0; i < ldns_rr_rd_count(rr->get()); i++) {
        if (i > 0) text += ' ';
        text += take_ldns_text(ldns_rdf2str(ldns_rr_rdf(rr->get(), i)));
    }
    return text;
}

}  // namespace ipref::dns
