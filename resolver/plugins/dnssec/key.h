// SPDX-License-Identifier: GPL-2.0-or-later
// A zone's signing key as BIND's dnssec-keygen writes it: NAME.key, the DNSKEY record, and
// NAME.private. Signatures: RFC 4034 section 3.1.8, by OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/dns/name.h"

namespace ipref::resolver {

class SigningKey {
  public:
    /// `base` without its suffix, or with .key or .private. The error names the file.
    static Result<SigningKey> load(std::string base);

    const dns::Name& owner() const { return owner_; }
    /// The DNSKEY record's data.
    dns::Bytes dnskey() const { return dnskey_; }
    uint8_t algorithm() const { return dnskey_[3]; }
    uint16_t tag() const { return tag_; }
    /// A key-signing key: the flag "secure entry point" is set.
    bool is_ksk() const { return (dnskey_[1] & 1) != 0; }

    /// The signature as it stands in an RRSIG. Empty only without memory. Any thread.
    std::vector<uint8_t> sign(dns::Bytes data) const;

  private:
    SigningKey() = default;
    dns::Name owner_;
    std::vector<uint8_t> dnskey_;
    uint16_t tag_ = 0;
    std::shared_ptr<void> private_;  // EVP_PKEY
};

}  // namespace ipref::resolver
