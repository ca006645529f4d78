// SPDX-License-Identifier: GPL-2.0-or-later
// A zone that another server keeps: transferred at start, looked after by its
// SOA's refresh, retry and expire (RFC 1034 section 4.3.5), and when the other
// server says that it has changed (RFC 1996). Everything but zone() and
// version() runs on the first worker's loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/dns/transfer.h"
#include "common/dns/tsig.h"
#include "common/dns/upstream.h"
#include "resolver/plugins/file/zone.h"

namespace ipref::resolver {

/// A server that gives the zone.
struct Primary {
    net::Endpoint at;
    std::optional<dns::TsigKey> key;  ///< signs questions to it; its answers must be signed with it
};

class SecondaryZone : public std::enable_shared_from_this<SecondaryZone> {
  public:
    /// Takes over what an earlier configuration has of the same zone from the
    /// same servers.
    static std::shared_ptr<SecondaryZone> make(const Name& origin, std::vector<Primary> servers);

    ~SecondaryZone();
    SecondaryZone(const SecondaryZone&) = delete;
    SecondaryZone& operator=(const SecondaryZone&) = delete;

    const Name& origin() const { return origin_; }
    /// The server with this address, at any port; null: none of ours.
    const Primary* server(const net::Ip& ip) const;
    /// Any thread. Null before the first transfer and after the zone has expired.
    std::shared_ptr<const Zone> zone() const;
    /// Changes when zone() does.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }

    void start(run::Loop& loop, std::function<void(const Zone&)> changed);
    void stop();
    /// Sees whether a server has something newer; at once, or when what is under
    /// way has ended.
    void look();

  private:
    struct Incoming;
    struct Job;
    struct SerialQuestion;
    SecondaryZone(const Name& origin, std::vector<Primary> servers);

    void ask_serial();
    void ask_signed_serial();
    void take_answer(const dns::Upstream::Outcome& outcome);
    void take_serial(uint32_t serial);
    void later(std::function<void()> what);
    void transfer();
    void transferred(const dns::TransferStep& end);
    void build();
    void built(const Result<std::shared_ptr<const Zone>>& zone);
    void next_server(const std::string& why);
    void good();
    void expired();
    void idle(std::chrono::seconds until_next);
    void set(std::shared_ptr<const Zone> zone);
    std::string identity() const;
    const Primary& current() const { return servers_[at_]; }

    Name origin_;
    std::vector<Primary> servers_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Zone> zone_;
    std::atomic<uint64_t> version_{1};

    run::Loop* loop_ = nullptr;
    std::function<void(const Zone&)> changed_;
    std::unique_ptr<run::Timer> next_;
    std::unique_ptr<run::Timer> expiry_;
    std::unique_ptr<run::Timer> later_;  // to leave a transfer's callback before it is destroyed
    std::unique_ptr<dns::Upstream> upstream_;
    std::unique_ptr<SerialQuestion> question_;
    std::unique_ptr<Incoming> incoming_;
    size_t at_ = 0;  // the server that is being asked
    bool busy_ = false;
    bool again_ = false;  // look() was called meanwhile
    unsigned failures_ = 0;
};

/// The timers of an SOA, in seconds, kept within reason.
struct SoaTimes {
    std::chrono::seconds refresh, retry, expire;
};
SoaTimes soa_times(const Zone& zone);

}  // namespace ipref::resolver
