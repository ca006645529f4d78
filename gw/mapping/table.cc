// SPDX-License-Identifier: GPL-2.0-or-later
// The data path's side of the table, and dynamic mappings.
#include "gw/mapping/table.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "gw/mapping/expiry.h"
#include "gw/mapping/table_impl.h"

namespace ipref::gw {

std::string_view text_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::family:
            return "this gateway has no encode network or tunnel of that address family";
        case Refusal::not_unicast:
            return "the context address is not a unicast address outside the encode network";
        case Refusal::limit:
            return "a limit on new mappings was met, try later";
        case Refusal::exhausted:
            return "the encode network has no free address left, use a larger one";
    }
    return "";
}

Table::Impl::Impl(MappingConfig config, const Clock& clock, Random random)
    : config_(std::move(config)),
      clock_(clock),
      random_(std::move(random)),
      limits_(config_.limits) {
    const Write write(*this);
    // The last made is the newest: the first encode network answers for the gateway's own ref.
    std::for_each(config_.encode_nets.rbegin(), config_.encode_nets.rend(), [&](const auto& net) {
        for (const auto& gateway : config_.gateways) {
            insert({.relation = Relation::local,
                    .ip = MappingConfig::own_ea(net),
                    .ipref = {gateway, config_.gateway_ref},
                    .owner = kGatewayItself,
                    .serial = ++serial_},
                   false);
        }
    });
    own_ = rows(Relation::local).size();
}

Table::Impl::~Impl() {
    const RcuOnline online;
    for (auto& rows : rows_) {
        for (Entry* entry : rows) {
            index(entry->relation).remove(entry);
            retired_.push_back(entry);
        }
    }
    retire(std::move(retired_));
    retire_all();
}

std::unique_lock<std::mutex> Table::Impl::lock_for_packet() {
    using std::chrono::steady_clock;
    // Another packet's holder is gone within microseconds, unless it was interrupted.
    constexpr auto kSoon = std::chrono::microseconds(2000);
    constexpr auto kSoonWhileBusy = std::chrono::microseconds(50);
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) {
        const bool busy = busy_.load(std::memory_order_relaxed);
        const auto end = steady_clock::now() + (busy ? kSoonWhileBusy : kSoon);
        do std::this_thread::yield();
        while (!lock.try_lock() && steady_clock::now() < end);
    }
    if (busy_.load(std::memory_order_relaxed) == lock.owns_lock()) busy_ = !lock.owns_lock();
    return lock;
}

std::optional<Refusal> Table::Impl::refuse(const net::IpRef& theirs, net::Family ea) const {
    if (config_.encode_net(ea) == nullptr || config_.gateway(theirs.ip.family()) == nullptr) {
        return Refusal::family;
    }
    if (!theirs.ip.is_global_unicast() || config_.in_encode_net(theirs.ip)) {
        return Refusal::not_unicast;
    }
    return std::nullopt;
}

tl::expected<net::Ip, Refusal> Table::Impl::make_ea(const net::IpRef& theirs, net::Family ea,
                                                    Asker asker) {
    if (const Entry* made = remote_.theirs(theirs, ea)) return made->ip;  // by another thread
    const net::Cidr& net = *config_.encode_net(ea);
    const uint64_t space = dynamic_addresses(net);
    const uint64_t held = dynamic_count(Relation::remote, ea) + resting_eas_.size();
    if (held >= space) return tl::unexpected(Refusal::exhausted);
    const uint64_t most = most_eas(net);
    if (held >= (asker == Asker::packet ? for_packets(most) : most)) {
        return tl::unexpected(Refusal::limit);
    }
    if (asker == Asker::packet && !store_keeps_up()) return tl::unexpected(Refusal::limit);
    if (asker == Asker::packet && !limits_.allow_remote(theirs.ip, clock_.now())) {
        return tl::unexpected(Refusal::limit);
    }
    const auto ip = pick_ea(net, random_, [&](const net::Ip& candidate) {
        return remote_.ea(candidate) != nullptr || resting_eas_.contains(candidate);
    });
    if (!ip) return tl::unexpected(Refusal::exhausted);
    insert({.relation = Relation::remote,
            .ip = *ip,
            .ipref = theirs,
            .used = clock_.now(),
            .serial = ++serial_},
           true);
    return *ip;
}

uint64_t Table::Impl::most_eas(const net::Cidr& net) const {
    return std::min<uint64_t>(dynamic_addresses(net), config_.limits.dynamic);
}

uint64_t Table::Impl::for_packets(uint64_t most) const {
    const uint64_t share = config_.limits.packet_share;
    return most / 100 * share + most % 100 * share / 100;
}

std::optional<net::IpRef> Table::Impl::make_ref(const net::Ip& host, net::Family gw) {
    if (const Entry* made = local_.host(host, gw)) return made->ipref;
    const net::Ip& gateway = *config_.gateway(gw);
    if (dynamic_count(Relation::local, gw) + resting_refs_.size() >= config_.limits.dynamic ||
        !store_keeps_up() || !limits_.allow_local(clock_.now())) {
        return std::nullopt;
    }
    const auto ref = pick_ref(random_, [&](const net::Ref& candidate) {
        return local_.ours({gateway, candidate}, true) != nullptr ||
               resting_refs_.contains({gateway, candidate});
    });
    if (!ref) return std::nullopt;
    const net::IpRef ipref{gateway, *ref};
    insert({.relation = Relation::local,
            .ip = host,
            .ipref = ipref,
            .used = clock_.now(),
            .serial = ++serial_},
           true);
    return ipref;
}

net::IpRef Table::Impl::outward(const net::IpRef& ipref) const {
    const net::Ip* gateway = config_.gateway(ipref.ip.family());
    if (gateway != nullptr && gateway->is_zero()) return {*gateway, ipref.ref};
    return ipref;
}

bool Table::Impl::any_context(const net::IpRef& ours) const {
    if (ours.ip.is_zero()) return true;
    const net::Ip* gateway = config_.gateway(ours.ip.family());
    return gateway != nullptr && gateway->is_zero();
}

Table::Table(MappingConfig config, const Clock& clock, Random random)
    : impl_(std::make_unique<Impl>(std::move(config), clock, std::move(random))) {}

Table::~Table() = default;

std::optional<net::IpRef> Table::theirs(const net::Ip& ea) {
    Entry* entry = impl_->remote_.ea(ea);
    if (entry == nullptr) return std::nullopt;
    entry->use(impl_->clock_.now());
    return entry->ipref;
}

std::optional<net::IpRef> Table::ours(const net::Ip& host, net::Family gw) {
    if (Entry* entry = impl_->local_.host(host, gw)) {
        entry->use(impl_->clock_.now());
        return impl_->outward(entry->ipref);
    }
    const auto& config = impl_->config_;
    if (config.gateway(gw) == nullptr || !host.is_global_unicast() || config.in_encode_net(host)) {
        return std::nullopt;
    }
    auto lock = impl_->lock_for_packet();
    if (!lock.owns_lock()) return std::nullopt;
    const Impl::Write write(*impl_, std::move(lock));
    const auto made = impl_->make_ref(host, gw);
    if (!made) return std::nullopt;
    return impl_->outward(*made);
}

std::optional<net::Ip> Table::host(const net::IpRef& ours) {
    Entry* entry = nullptr;
    if (ours.ip.is_zero()) {  // the packet left it open: our own context address goes first
        const net::Ip* gateway = impl_->config_.gateway(ours.ip.family());
        if (gateway != nullptr) entry = impl_->local_.ours({*gateway, ours.ref}, true);
    } else {
        entry = impl_->local_.ours(ours, impl_->any_context(ours));
    }
    if (entry == nullptr) return std::nullopt;
    entry->use(impl_->clock_.now());
    return entry->ip;
}

std::optional<net::Ip> Table::ea(const net::IpRef& theirs, net::Family ea) {
    if (Entry* entry = impl_->remote_.theirs(theirs, ea)) {
        entry->use(impl_->clock_.now());
        return entry->ip;
    }
    if (impl_->refuse(theirs, ea)) return std::nullopt;
    auto lock = impl_->lock_for_packet();
    if (!lock.owns_lock()) return std::nullopt;
    const Impl::Write write(*impl_, std::move(lock));
    const auto made = impl_->make_ea(theirs, ea, Impl::Asker::packet);
    return made ? std::optional(*made) : std::nullopt;
}

// No use stamps here: anyone can quote any packet, and must not keep a mapping alive by it.
std::optional<net::IpRef> Table::known_ours(const net::Ip& host, net::Family gw) {
    const Entry* entry = impl_->local_.host(host, gw);
    return entry == nullptr ? std::nullopt : std::optional(impl_->outward(entry->ipref));
}

std::optional<net::Ip> Table::known_ea(const net::IpRef& theirs, net::Family ea) {
    const Entry* entry = impl_->remote_.theirs(theirs, ea);
    return entry == nullptr ? std::nullopt : std::optional(entry->ip);
}

tl::expected<Encoded, Refusal> Table::encode(const net::IpRef& theirs, net::Family ea) {
    const Impl::Write write(*impl_);
    const Seconds now = impl_->clock_.now();
    if (Entry* entry = impl_->remote_.theirs(theirs, ea)) {
        entry->use(now);
        impl_->store_stamp(entry);  // the lifetime is a promise: it must outlive a crash
        return Encoded{entry->ip,
                       left_of(entry->used.load(std::memory_order_relaxed), now, kMappingLife)};
    }
    if (const auto refusal = impl_->refuse(theirs, ea)) return tl::unexpected(*refusal);
    const auto made = impl_->make_ea(theirs, ea, Impl::Asker::resolver);
    if (!made) return tl::unexpected(made.error());
    return Encoded{*made, kMappingLife};
}

Seconds Table::now() const {
    return impl_->clock_.now();
}

std::optional<net::Family> Table::default_ea_family() const {
    const auto& nets = impl_->config_.encode_nets;
    return nets.empty() ? std::nullopt : std::optional(nets.front().family());
}

const MappingConfig& Table::config() const {
    return impl_->config_;
}

void Table::journal(Journal* journal) {
    const std::lock_guard lock(impl_->mutex_);
    impl_->journal_ = journal;
}

void Table::observe(Observer observer) {
    const RcuAway away;
    const std::lock_guard lock(impl_->mutex_);
    impl_->observer_ = std::move(observer);
}

void Table::on_dropped(std::function<void(const std::vector<net::IpRef>&)> callback) {
    const std::lock_guard lock(impl_->mutex_);
    impl_->on_dropped_ = std::move(callback);
}

void Table::watch(std::function<void()> callback) {
    const std::lock_guard lock(impl_->mutex_);
    impl_->watch_ = std::move(callback);
}

}  // namespace ipref::gw
