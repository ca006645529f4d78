// SPDX-License-Identifier: GPL-2.0-or-later
// A signing key in files, as dnssec-keygen leaves them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "common/dns/ldns.h"
#include "unit/catch.h"

namespace ipref::test {

/// BASE.key and BASE.private; the key's DNSKEY record.
inline dns::LdnsRr write_zone_key(const std::filesystem::path& base, const std::string& zone,
                                  ldns_signing_algorithm algorithm = LDNS_SIGN_ECDSAP256SHA256,
                                  uint16_t flags = 257) {
    constexpr uint16_t kBits = 2048;  // of RSA; others have their own
    ldns_key* key = ldns_key_new_frm_algorithm(algorithm, kBits);
    REQUIRE(key != nullptr);
    ldns_key_set_flags(key, flags);
    ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str(zone.c_str()));
    dns::LdnsRr rr(ldns_key2rr(key));
    std::ofstream(base.string() + ".key") << "; a comment\n"
                                          << dns::take_ldns_text(ldns_rr2str(rr.get()));
    std::ofstream(base.string() + ".private") << dns::take_ldns_text(ldns_key2str(key));
    ldns_key_deep_free(key);
    return rr;
}

}  // namespace ipref::test
