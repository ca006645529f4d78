// SPDX-License-Identifier: GPL-2.0-or-later
// What a transfer holds of a zone's signatures (-dnssec): the TXT records that publish hosts and
// the keys, and whether their signatures are valid. Checked in slices, so that the loop goes on.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "common/dns/dnssec.h"
#include "common/run/loop.h"

namespace ipref::agent {

class SignedZone {
  public:
    static constexpr size_t kMostBytes = 256u << 20;

    explicit SignedZone(const dns::Name& zone) : zone_(zone) {}
    /// A record of the transfer; the error ends it.
    tl::expected<void, std::string> add(const dns::RecordView& view);

  private:
    friend class ZoneCheck;
    /// Data of records of one owner; names are left out, for they are large.
    struct Raw {
        std::vector<std::string> records;
        std::vector<std::string> signatures;
        bool publishes = false;
    };
    dns::SignedSet set_of(const std::string& owner, uint16_t type, const Raw& raw) const;

    dns::Name zone_;
    Raw keys_;
    std::unordered_map<std::string, Raw> texts_;  ///< by the owner, lower case, as on the wire
    size_t bytes_ = 0;
};

class ZoneCheck {
  public:
    using Callback = std::function<void(dns::Validity)>;
    /// Calls back once, from the loop, not from here; inside it the check must not be destroyed.
    /// The error names the records. `now`: seconds since 1970.
    ZoneCheck(run::Loop& loop, SignedZone zone, const dns::TrustAnchors& anchors, int64_t now,
              Callback callback);

  private:
    void slice();
    void finish(const dns::Validity& validity);

    SignedZone zone_;
    tl::expected<dns::ZoneKeys, std::string> keys_;
    int64_t now_;
    int64_t until_;
    Callback callback_;
    std::unordered_map<std::string, SignedZone::Raw>::const_iterator next_;
    run::Timer turn_;
};

}  // namespace ipref::agent
