// SPDX-License-Identifier: GPL-2.0-or-later
// What one server publishes in a zone.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/net/ref.h"

namespace ipref::agent {

inline constexpr size_t kMostRecords = 1'000'000;  ///< TXT records with AA strings, of one zone
inline constexpr size_t kMostMemory = 512u << 20;  ///< that they and their entries take, about
inline constexpr size_t kMostWarnings = 20;        ///< kept of one zone

/// One AA record. Names in presentation format, lower case, with a dot at the end.
struct Entry {
    std::string owner;
    std::string gw;  ///< an address or a name; a name ends with a dot, an address never does
    net::Ref ref;
    friend auto operator<=>(const Entry&, const Entry&) = default;
};

/// A TXT record with at least one string that begins "AA ". The owner as in Entry; the data as on
/// the wire.
struct TxtRecord {
    std::string owner;
    std::string rdata;
    friend auto operator<=>(const TxtRecord&, const TxtRecord&) = default;
};

struct Zone {
    uint32_t serial = 0;
    bool gone = false;               ///< the server says that it has no such zone
    std::vector<TxtRecord> records;  ///< in order, none twice: what differences apply to
    std::vector<Entry> entries;      ///< out of the records; in order, none twice
    /// Records that were passed over, named; of the first few.
    std::vector<std::string> warnings;
    uint64_t more_warnings = 0;  ///< not listed
};

/// Whether TXT data has a string that begins "AA "; yes for malformed data, so that it is told.
bool may_publish(dns::Bytes rdata);

/// Makes a Zone out of records as they come.
class ZoneBuilder {
  public:
    using Step = tl::expected<void, std::string>;

    /// `have`: what differences apply to, or nullptr.
    ZoneBuilder(const dns::Name& zone, std::shared_ptr<const Zone> have)
        : zone_(zone), have_(std::move(have)) {}

    /// A record of a whole zone. Those without AA strings leave no trace.
    Step add(const dns::Name& owner, uint16_t type, dns::Bytes rdata);
    /// A record that came or went since `have`; the error: it was there already, or was not.
    Step change(bool add, const dns::Name& owner, uint16_t type, dns::Bytes rdata);
    void warn(std::string text);
    /// Once: the whole zone, or `have` with the changes.
    std::shared_ptr<const Zone> finish(uint32_t serial, bool differences);

  private:
    Step weigh(const TxtRecord& record);
    void apply_changes();
    void read(const TxtRecord& record);

    dns::Name zone_;
    std::shared_ptr<const Zone> have_;
    std::map<TxtRecord, bool> changes_;  ///< true: it came
    size_t memory_ = 0;                  ///< of what came
    std::shared_ptr<Zone> out_ = std::make_shared<Zone>();
};

}  // namespace ipref::agent
