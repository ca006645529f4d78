// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/publisher.h"

#include <algorithm>

namespace ipref::agent {

using run::Severity;

std::optional<mapper::Change> change_between(const wire::HostSet& from, const wire::HostSet& to) {
    mapper::Change change{.base_hash = from.hash, .add = {}, .remove = {}};
    auto old = from.hosts.begin();
    auto fresh = to.hosts.begin();
    while (old != from.hosts.end() || fresh != to.hosts.end()) {
        const bool only_old =
            fresh == to.hosts.end() || (old != from.hosts.end() && old->ipref < fresh->ipref);
        const bool only_fresh =
            old == from.hosts.end() || (fresh != to.hosts.end() && fresh->ipref < old->ipref);
        if (only_old) {
            change.remove.push_back(*old++);
        } else if (only_fresh) {
            change.add.push_back(*fresh++);
        } else if (old->ip != fresh->ip) {
            return std::nullopt;
        } else {
            ++old;
            ++fresh;
        }
    }
    if (2 * (change.add.size() + change.remove.size()) > to.hosts.size()) return std::nullopt;
    return change;
}

Publisher::Publisher(World& world, Mapper& mapper, mapper::Source source,
                     Milliseconds longest_retry, std::function<void()> heard)
    : world_(world),
      mapper_(mapper),
      source_(std::move(source)),
      name_(source_.local_domain + ":" + source_.public_domain),
      backoff_(longest_retry),
      retry_(world.alarm([this] { step(); })),
      heard_(std::move(heard)) {}

Publisher::~Publisher() = default;

void Publisher::set(std::shared_ptr<const wire::HostSet> set) {
    want_ = Want::set;
    wanted_ = std::move(set);
    told_withdrawn_ = false;
    step();
}

void Publisher::withdraw() {
    if (want_ == Want::withdrawn) return;
    want_ = Want::withdrawn;
    wanted_.reset();
    step();
}

void Publisher::poll() {
    confirm_due_ = true;
    step();
}

void Publisher::connected() {
    held_.reset();
    told_withdrawn_ = false;
    backoff_.reset();
    retry_->stop();
    step();
}

void Publisher::step() {
    if (busy_ || retry_->active() || !mapper_.connected()) return;
    if (want_ == Want::withdrawn && !told_withdrawn_) {
        busy_ = true;
        mapper_.withdraw(source_, when_done(&Publisher::withdrawn));
    } else if (want_ == Want::set && (!held_ || held_->hash != wanted_->hash)) {
        busy_ = true;
        send_set();
    } else if (want_ == Want::set && confirm_due_) {
        busy_ = true;
        confirm_due_ = false;
        mapper_.confirm(source_, held_->hash, static_cast<uint32_t>(held_->hosts.size()),
                        when_done(&Publisher::confirmed));
    }
}

void Publisher::send_set() {
    sending_ = wanted_;
    confirm_due_ = false;
    if (held_) {
        if (auto change = change_between(*held_, *sending_)) {
            return mapper_.publish_change(sending_, std::move(*change),
                                          when_done(&Publisher::set_done));
        }
    }
    mapper_.publish(sending_, when_done(&Publisher::set_done));
}

Mapper::Callback Publisher::when_done(void (Publisher::*then)(const mapper::Done&)) {
    return [this, then, alive = std::weak_ptr(alive_)](const mapper::DoneOrFailure& result) {
        if (alive.expired()) return;
        busy_ = false;
        if (!result) return failed(result.error());
        backoff_.reset();
        (this->*then)(*result);
        step();
    };
}

void Publisher::set_done(const mapper::Done& done) {
    held_ = std::move(sending_);
    const auto hosts = run::counted(held_->hosts.size(), "host");
    if (done.rejected == 0) {
        world_.log(Severity::info,
                   fmt::format("{}: published {}, hash {:016x}", name_, hosts, held_->hash));
        return tell("");
    }
    std::string text = fmt::format("the gateway refused {} of {}", done.rejected, hosts);
    for (const auto& reason : done.reasons) text += fmt::format("; {}", reason);
    world_.log(Severity::warning, fmt::format("{}: {}", name_, text));
    tell(std::move(text));
}

void Publisher::confirmed(const mapper::Done&) {
    world_.log(Severity::debug, fmt::format("{}: the gateway holds {}", name_,
                                            run::counted(held_ ? held_->hosts.size() : 0, "host")));
}

void Publisher::withdrawn(const mapper::Done&) {
    told_withdrawn_ = true;
    held_.reset();
    world_.log(Severity::info, fmt::format("{}: withdrawn, nothing is published", name_));
    tell("");
}

void Publisher::tell(std::string trouble) {
    trouble_ = std::move(trouble);
    if (heard_) heard_();
}

void Publisher::failed(const mapper::Failure& failure) {
    sending_.reset();
    if (failure.reason == mapper::Reason::disconnected) return;  // connected() goes on
    const bool had = held_ != nullptr;
    held_.reset();
    if (failure.reason == mapper::Reason::unknown_hash && had) {
        world_.log(Severity::info,
                   fmt::format("{}: the gateway holds something else, everything again", name_));
        return step();
    }
    const auto wait = backoff_.next();
    world_.log(Severity::warning, fmt::format("{}: not published: {}; next try in {} s", name_,
                                              failure.text, wait.count() / 1000));
    retry_->start(wait);
    tell(fmt::format("not published: {}", failure.text));
}

}  // namespace ipref::agent
