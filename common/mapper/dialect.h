// SPDX-License-Identifier: GPL-2.0-or-later
// The two protocols of the mapper socket behind one interface: requests to records, records to
// replies. No state, no I/O. Inside, every request has an id that its replies repeat.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "common/mapper/types.h"
#include "common/wire/cursor.h"

namespace ipref::mapper {

/// A request about a source, and how far it has been sent.
struct Shipment {
    enum class Kind : uint8_t { publish, change, confirm, withdraw };
    Kind kind = Kind::confirm;
    Source source;
    std::shared_ptr<const wire::HostSet> set;  ///< publish, change
    Change change;
    uint64_t hash = 0;    ///< of the whole set
    uint32_t count = 0;   ///< hosts in the whole set
    uint64_t batch = 0;   ///< the same in all records of one shipment
    size_t position = 0;  ///< hosts that have been put into records
    bool all_sent = false;
};

/// The first `count` of the queries given, in one record.
struct QueryRecord {
    std::vector<uint8_t> bytes;
    size_t count = 0;
};

/// What a record from the gateway says. Id 0 belongs to no request.
struct Reply {
    uint64_t id = 0;
    std::variant<std::vector<Answer>, Done, Failure, Dropped> what;
    std::optional<net::IpRef> about;  ///< V1: what the answer says it is about
};

class Dialect {
  public:
    virtual ~Dialect() = default;

    /// Ids are 1 to this.
    virtual uint64_t largest_id() const = 0;
    /// How many records of one shipment may wait for their reply, each under its own id. 0: all go
    /// under one id, and have one reply.
    virtual size_t window() const = 0;
    /// As many of the queries as go into one record, at least one. Names were checked.
    virtual QueryRecord queries(uint64_t id, std::span<const Query> queries) const = 0;
    /// The shipment's next record; moves it forward.
    virtual Result<std::vector<uint8_t>> next_part(uint64_t id, Shipment& shipment) const = 0;
    /// Empty: the protocol has no words for it.
    virtual std::vector<uint8_t> report(uint64_t id, const SourceReport& report) const = 0;
    /// Nothing for records that need no reaction.
    virtual Result<std::optional<Reply>> read(wire::Bytes record) const = 0;
};

/// Protobuf. Needs a hello first: see hello_record().
const Dialect& protobuf_dialect();
/// V1. `ea` and `gw` go into headers of packets that hold no address.
std::unique_ptr<const Dialect> v1_dialect(net::Family ea, net::Family gw);

std::vector<uint8_t> hello_record(uint64_t id, const std::string& program);
/// The answer to hello with this id; nothing if the record is not that.
std::optional<tl::expected<Server, Failure>> read_hello(wire::Bytes record, uint64_t id);

}  // namespace ipref::mapper
