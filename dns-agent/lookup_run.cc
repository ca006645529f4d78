// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/lookup_run.h"

#include <algorithm>

namespace ipref::agent {

namespace {

constexpr Milliseconds kDeniedFor{60'000};  // a gateway that has no address

uint16_t type_of(net::Family family) {
    return family == net::Family::v4 ? dns::rr::kA : dns::rr::kAaaa;
}

}  // namespace

Milliseconds LookUpRun::shortest(size_t gateways) {
    constexpr Milliseconds kLeast{10'000};
    return std::max(kLeast, Milliseconds(10) * static_cast<int64_t>(gateways));
}

LookUpRun::LookUpRun(World& world, const dns::Name& local, Wanted wanted, Families families,
                     LookUps before, Callback callback)
    : world_(world),
      local_(local),
      wanted_(std::move(wanted)),
      families_(families),
      before_(std::move(before)),
      callback_(std::move(callback)),
      nothing_to_do_(world.alarm([this] { callback_(std::move(found_), {}); })) {}

const std::string& LookUpRun::name(size_t index) const {
    return is_host(index) ? wanted_.hosts[index] : wanted_.gateways[index - wanted_.hosts.size()];
}

void LookUpRun::start() {
    if (wanted_.hosts.size() <= kAtATime) return begin();
    world_.local_zone(local_, [this, alive = std::weak_ptr(alive_)](const auto& zone) {
        if (alive.expired()) return;
        if (zone) zone_ = *zone;
        begin();
    });
}

void LookUpRun::begin() {
    const size_t total = wanted_.hosts.size() + wanted_.gateways.size();
    for (size_t i = 0; i < total; i++) {
        if (!take_from_zone(i)) due_.push_back(i);
    }
    if (due_.empty()) return nothing_to_do_->start(Milliseconds(0));
    more();
}

bool LookUpRun::take_from_zone(size_t index) {
    if (!zone_ || !is_host(index)) return false;
    auto found = zone_->find(dns::Name::parse(name(index)).value(), family(index));
    if (!found) return false;
    found_.hosts[name(index)] = std::move(*found);
    return true;
}

void LookUpRun::more() {
    for (; open_ < kAtATime && next_ < due_.size(); next_++) {
        open_++;
        const auto index = due_[next_];
        world_.look_up(
            dns::Name::parse(name(index)).value(), type_of(family(index)),
            [this, index, alive = std::weak_ptr(alive_)](const Result<dns::Answer>& answer) {
                if (!alive.expired()) answered(index, answer);
            });
    }
}

Found LookUpRun::found_in(const dns::Answer& answer, size_t index) const {
    Found found;
    for (const auto& ip : answer.ips()) {
        if (ip.family() == family(index)) found.ips.push_back(ip);
    }
    std::sort(found.ips.begin(), found.ips.end());
    if (found.ips.empty()) {
        found.why = answer.rcode == dns::rcode::kNxDomain
                        ? "does not exist"
                        : fmt::format("has no {} record", dns::type_text(type_of(family(index))));
    }
    if (is_host(index)) return found;
    const auto ttl = found.ips.empty() ? kDeniedFor : Milliseconds(int64_t{answer.ttl} * 1000);
    found.until = world_.now() + std::max(ttl, shortest(wanted_.gateways.size()));
    return found;
}

void LookUpRun::answered(size_t index, const Result<dns::Answer>& answer) {
    auto& found = is_host(index) ? found_.hosts : found_.gateways;
    if (answer) {
        found[name(index)] = found_in(*answer, index);
    } else {
        const auto& before = is_host(index) ? before_.hosts : before_.gateways;
        const auto old = before.find(name(index));
        const bool known = old != before.end() && !old->second.ips.empty();
        auto& kept = found[name(index)];
        if (known) {
            kept.ips = old->second.ips;
        } else {
            kept.why = "cannot be looked up";
        }
        kept.unanswered = true;
        warnings_.push_back(known ? answer.error().text + "; its address of before is kept"
                                  : answer.error().text);
    }
    open_--;
    more();
    if (open_ == 0) callback_(std::move(found_), std::move(warnings_));
}

}  // namespace ipref::agent
