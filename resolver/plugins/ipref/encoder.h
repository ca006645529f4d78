// SPDX-License-Identifier: GPL-2.0-or-later
// Encoded addresses from the mapper, for plugin ipref: remembered until the gateway drops them or
// half of their lifetime is over, asked for once when several queries need the same one. What is
// needed in one turn of the loop goes to the mapper together, so that it is made durable together.
// Source: spec pages "ipref-coredns", section 1, and "The mapper socket".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mapper/client.h"
#include "common/run/loop.h"

namespace ipref::resolver::aa {

struct Ea {
    net::Ip ip;
    /// How long the mapping lasts at least, from now on; nothing if the gateway does not tell (V1).
    std::optional<std::chrono::seconds> left;
};

/// Runs on one run::Loop; not thread-safe.
class Encoder {
  public:
    using Outcome = tl::expected<Ea, mapper::Failure>;
    using Callback = std::function<void(const Outcome&)>;

    Encoder(run::Loop& loop, mapper::ClientOptions options, net::Family ea_family);
    ~Encoder();
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    /// The EA of `ipref`, `name` being the DNS name that was asked for. The callback is called
    /// once, before this returns only if the address is remembered. While the first connection to
    /// the mapper is being made, the request waits for it. The callback must not destroy the
    /// Encoder.
    void encode(const net::IpRef& ipref, const std::string& name, Callback callback);
    /// Until when that address is remembered for `ipref` and need not be asked for again, if the
    /// gateway drops nothing. In the past: it is not.
    run::Milliseconds holds_until(const net::IpRef& ipref, const net::Ip& ea) const;
    /// Another one whenever mappings have been dropped: what was held before may be held no more.
    uint64_t generation() const { return generation_; }
    /// Whether the gateway says that the address is inside one of its encode networks.
    bool is_encoded(const net::Ip& ip) const;
    /// Mappings remembered.
    size_t remembered() const { return known_.size(); }

    static constexpr size_t kMostRemembered = 100'000;
    static constexpr size_t kMostTogether = 250;  ///< in one request to the mapper

  private:
    struct Known {
        net::Ip ip;
        run::Milliseconds use_until;
        run::Milliseconds ends;
    };

    void request(const net::IpRef& ipref, const std::string& name);
    void send_due();
    void answered(const net::IpRef& ipref, const mapper::Answer& answer);
    void remember(const net::IpRef& ipref, const mapper::Encoded& encoded);
    void forget(const mapper::Dropped& dropped);
    void release_held();

    run::Loop& loop_;
    net::Family ea_family_;
    // Ordered maps: keys come from the network, and must not be able to pile up in one bucket.
    std::map<net::IpRef, Known> known_;
    uint64_t generation_ = 0;
    std::map<net::IpRef, std::vector<Callback>> in_flight_;
    std::vector<std::pair<net::IpRef, std::string>> held_;
    std::vector<mapper::Query> due_;
    run::BeforeWait send_due_;
    bool settled_ = false;  // the first attempt to connect has ended, well or not
    run::Timer patience_;   // for that
    std::unique_ptr<mapper::Client> client_;
};

}  // namespace ipref::resolver::aa
