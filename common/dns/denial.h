// SPDX-License-Identifier: GPL-2.0-or-later
// Proofs that a signed zone has no records of a type at a name: by NSEC (RFC 4034 section 4,
// RFC 4035 section 5.4, RFC 6840 section 4) and NSEC3 (RFC 5155 section 8). Logic alone: the
// signatures of what is added were verified before. Work is bounded: an NSEC3 hash for each label
// of the name, of at most kMostIterations rounds (RFC 9276).
//
// What is asked is whether the zone itself has them. So a name at or below a zone cut is denied
// like one that does not exist, and so is one in an opt-out span, where nothing can be but a
// delegation that is not signed.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"

namespace ipref::dns {

class Denial {
  public:
    static constexpr uint16_t kMostIterations = 50;  ///< of NSEC3; RFC 9276 wants 0

    /// The error says what is missing: "... no NSEC record that ...".
    using Verdict = tl::expected<void, std::string>;

    explicit Denial(const Name& zone) : zone_(zone) {}

    /// An NSEC or NSEC3 record that the zone has signed. Others, and malformed ones, do not count.
    void add(const Record& record);
    /// The zone has signed DS records of this name: it is delegated.
    void add_cut(const Name& name) { cuts_.push_back(name); }

    /// There are no records of this type at the name, not by a wildcard either, and no alias.
    Verdict none(const Name& name, uint16_t type) const;
    /// A wildcard answered for the name, the one below the name's last `labels` labels: neither
    /// the name nor anything closer to it than the wildcard is there.
    Verdict of_wildcard(const Name& name, size_t labels) const;

  private:
    using Hash = std::array<uint8_t, 20>;
    struct Nsec {
        Name owner;
        Name next;
        std::vector<uint8_t> types;
        bool covers(const Name& name) const;
    };
    struct Nsec3 {
        Hash owner;
        Hash next;
        bool opt_out;
        std::vector<uint8_t> types;
        bool covers(const Hash& hash) const;
    };
    struct Parameters {
        uint16_t iterations = 0;
        std::vector<uint8_t> salt;
        friend bool operator==(const Parameters&, const Parameters&) = default;
    };

    void add_nsec(const Record& record);
    void add_nsec3(const Record& record);
    Hash hash(const Name& name) const;
    const Nsec* match(const Name& name) const;
    const Nsec* cover(const Name& name) const;
    const Nsec3* match3(const Name& name) const;
    const Nsec3* cover3(const Name& name) const;
    Verdict none_by_nsec(const Name& name, uint16_t type) const;
    Verdict none_by_nsec3(const Name& name, uint16_t type) const;
    Verdict nothing_there() const;

    Name zone_;
    std::vector<Name> cuts_;
    std::vector<Nsec> nsecs_;
    std::vector<Nsec3> nsec3s_;
    std::optional<Parameters> parameters_;  ///< of all NSEC3 records that count
    uint16_t too_many_ = 0;                 ///< iterations that were met, if more than we do
};

}  // namespace ipref::dns
