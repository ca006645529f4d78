// SPDX-License-Identifier: GPL-2.0-or-later
// Brings what is known of a zone up to date with one server: its serial is asked first, what has
// changed is asked for where something is known (IXFR), else or if that fails the zone (AXFR).
// Each question over a TCP connection of its own, bounded in time and size (dns::TransferLimits).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/dns/transfer.h"
#include "dns-agent/zone_stream.h"

namespace ipref::agent {

/// How a server was asked and what came of it.
struct Fetched {
    enum class How : uint8_t { unchanged, differences, whole, queries };
    std::shared_ptr<const Zone> zone;  ///< unchanged: what was known before
    How how = How::whole;
    std::string note;  ///< why the differences could not be used; for the log, mostly empty
    /// When the server is to be asked again at the latest; nothing: at the next poll.
    std::optional<run::Milliseconds> again;
};
const char* name_of(Fetched::How how);
using FetchResult = tl::expected<Fetched, TransferError>;

class ZoneFetch {
  public:
    using Callback = std::function<void(FetchResult)>;
    struct Target {
        net::Endpoint server;
        dns::Name zone;
        std::shared_ptr<const Zone> have;   ///< nullptr: nothing is known
        const dns::TsigKey* key = nullptr;  ///< outlives the fetch
        dns::TransferLimits limits;
    };

    /// The callback is called once, from the loop, not from here. Inside it the fetch must not be
    /// destroyed; destroyed before, it never calls.
    ZoneFetch(run::Loop& loop, Target target, Callback callback);
    ~ZoneFetch();
    ZoneFetch(const ZoneFetch&) = delete;
    ZoneFetch& operator=(const ZoneFetch&) = delete;

    bool finished() const { return finished_; }

  private:
    void ask(dns::AnswerStream& stream, dns::Transfer::Callback then);
    void ask_serial();
    void serial(const dns::TransferStep& end);
    void ask_zone(std::shared_ptr<const Zone> have);
    void zone(const dns::TransferStep& end);
    TransferError refused(TransferError error) const;
    void finish(FetchResult result);

    run::Loop& loop_;
    Target target_;
    Callback callback_;
    std::unique_ptr<dns::SoaStream> soa_;
    std::unique_ptr<ZoneStream> differences_;
    std::unique_ptr<ZoneStream> whole_;
    std::vector<std::unique_ptr<dns::Transfer>> transfers_;  ///< one a question, kept to the end
    std::string note_;
    bool has_zone_ = false;  ///< it gave the serial
    bool finished_ = false;
};

}  // namespace ipref::agent
