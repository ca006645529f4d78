// SPDX-License-Identifier: GPL-2.0-or-later
// Owners of ldns objects. ldns serves zone files, presentation format and transfers; messages on
// the per-query path go through common/dns/wire_message.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/result.h"

// ldns.h defines bool, true and false as macros where the compiler is not C: last, and undone.
#include <ldns/ldns.h>
#undef bool
#undef true
#undef false

namespace ipref::dns {

/// Calls ldns's own deep-free function.
template <auto Free>
struct LdnsFree {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};

using LdnsRdf = std::unique_ptr<ldns_rdf, LdnsFree<ldns_rdf_deep_free>>;
using LdnsRr = std::unique_ptr<ldns_rr, LdnsFree<ldns_rr_free>>;
using LdnsRrList = std::unique_ptr<ldns_rr_list, LdnsFree<ldns_rr_list_deep_free>>;
using LdnsPkt = std::unique_ptr<ldns_pkt, LdnsFree<ldns_pkt_free>>;
using LdnsZone = std::unique_ptr<ldns_zone, LdnsFree<ldns_zone_deep_free>>;
using LdnsBuffer = std::unique_ptr<ldns_buffer, LdnsFree<ldns_buffer_free>>;

/// Takes a string that ldns allocated; empty for nullptr.
std::string take_ldns_text(char* text);

/// An ldns record as a value, names in its data uncompressed. An error if it does not fit.
Result<Record> record_of(const ldns_rr& rr);
/// A value as an ldns record.
Result<LdnsRr> to_ldns(const Record& record);
/// One line of presentation format, "NAME TTL CLASS TYPE DATA", names absolute.
Result<Record> parse_record(const std::string& line);
/// The data in presentation format: "10 mail.example.com.".
std::string rdata_text(const Record& record);

}  // namespace ipref::dns
