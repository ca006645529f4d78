// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/lookup_run.h"

namespace ipref::agent {

namespace {

uint16_t type_of(net::Family family) {
    return family == net::Family::v4 ? dns::rr::kA : dns::rr::kAaaa;
}

Found found_in(const dns::Answer& answer, net::Family family) {
    Found found;
    for (const auto& ip : answer.ips()) {
        if (ip.family() == family) found.ips.push_back(ip);
    }
    if (!found.ips.empty()) return found;
    found.why = answer.rcode == dns::rcode::kNxDomain
                    ? "does not exist"
                    : fmt::format("has no {} record", dns::type_text(type_of(family)));
    return found;
}

}  // namespace

LookUpRun::LookUpRun(World& world, Wanted wanted, Families families, LookUps before,
                     Callback callback)
    : world_(world),
      wanted_(std::move(wanted)),
      families_(families),
      before_(std::move(before)),
      callback_(std::move(callback)),
      nothing_to_do_(world.alarm([this] { callback_({}, {}); })) {}

const std::string& LookUpRun::name(size_t index) const {
    return is_host(index) ? wanted_.hosts[index] : wanted_.gateways[index - wanted_.hosts.size()];
}

void LookUpRun::start() {
    if (wanted_.hosts.empty() && wanted_.gateways.empty()) {
        return nothing_to_do_->start(Milliseconds(0));
    }
    more();
}

void LookUpRun::more() {
    const size_t total = wanted_.hosts.size() + wanted_.gateways.size();
    for (; open_ < kAtATime && next_ < total; next_++) {
        open_++;
        const auto type = type_of(is_host(next_) ? families_.ea : families_.gw);
        world_.look_up(dns::Name::parse(name(next_)).value(), type,
                       [this, index = next_,
                        alive = std::weak_ptr(alive_)](const Result<dns::Answer>& answer) {
                           if (!alive.expired()) answered(index, answer);
                       });
    }
}

void LookUpRun::answered(size_t index, const Result<dns::Answer>& answer) {
    auto& found = is_host(index) ? found_.hosts : found_.gateways;
    if (answer) {
        found[name(index)] = found_in(*answer, is_host(index) ? families_.ea : families_.gw);
    } else {
        const auto& before = is_host(index) ? before_.hosts : before_.gateways;
        const auto old = before.find(name(index));
        const bool known = old != before.end() && !old->second.ips.empty();
        found[name(index)] = known ? old->second : Found{{}, "cannot be looked up"};
        warnings_.push_back(known ? answer.error().text + "; its address of before is kept"
                                  : answer.error().text);
    }
    open_--;
    more();
    if (open_ == 0) callback_(std::move(found_), std::move(warnings_));
}

}  // namespace ipref::agent
