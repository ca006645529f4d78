// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/query_fetch.h"

#include <algorithm>

#include "common/dns/answer.h"
#include "common/dns/signed_answer.h"
#include "common/run/log.h"
#include "common/run/unix_time.h"

namespace ipref::agent {

using run::Milliseconds;

namespace {

constexpr uint32_t kDeniedTtl = 300;  // seconds, of a denial without SOA

std::optional<dns::Name> wildcard_beside(const dns::Name& name) {
    return name.without(1).wildcard();
}

dns::Bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

size_t size_of(const QueryCache::Known& known) {
    size_t size = 0;
    for (const auto& rdata : known.rdata) size += rdata.size();
    return size;
}

void in_order(std::vector<dns::Name>& names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

Milliseconds QueryFetch::shortest(size_t names) {
    constexpr Milliseconds kLeast{10'000};
    return std::max(kLeast, Milliseconds(10) * static_cast<int64_t>(names));
}

QueryFetch::QueryFetch(run::Loop& loop, Target target, Callback callback)
    : Fetch(std::move(callback)),
      loop_(loop),
      target_(std::move(target)),
      asker_(loop, target_.server, target_.timeout, target_.key),
      ready_(loop, [this] { end(); }),
      begun_(loop.now()),
      now_(run::unix_time()) {
    in_order(target_.names);
    shortest_ = shortest(target_.names.size());
    add_wildcards();
    target_.anchors ? find_keys() : ask_serial();
}

void QueryFetch::ask_serial() {
    asker_.ask({target_.zone, dns::rr::kSoa, dns::klass::kIn}, keys_.has_value(),
               [this](const Asker::Outcome& outcome) { serial(outcome); });
}

/// A wildcard answers for names that nobody published: it is asked for itself, to be told apart.
void QueryFetch::add_wildcards() {
    auto& names = target_.names;
    std::vector<dns::Name> wildcards;
    for (const auto& name : names) {
        const auto wildcard = wildcard_beside(name);
        const bool same = !wildcards.empty() && wildcard && wildcards.back() == *wildcard;
        if (wildcard && !same) wildcards.push_back(*wildcard);
    }
    names.insert(names.end(), wildcards.begin(), wildcards.end());
    in_order(names);
}

void QueryFetch::serial(const Asker::Outcome& outcome) {
    if (!outcome) return finish(tl::unexpected(TransferError{false, outcome.error(), false}));
    const auto header = dns::Header::read(*outcome);
    if (header && header->rcode() == dns::rcode::kNotAuth) {
        return no_such_zone("the server answers NOTAUTH");
    }
    const auto answer = dns::parse_answer(*outcome, target_.zone, dns::rr::kSoa);
    if (!answer) return fail_with("its answer to SOA: " + answer.error().text);
    if (answer->rcode == dns::rcode::kNxDomain) {
        return no_such_zone("the server answers NXDOMAIN");
    }
    const auto serial =
        answer->records.empty() ? std::nullopt : dns::soa_serial(answer->records[0].rdata);
    if (!serial) return fail_with("it gives no SOA of the zone");
    if (const auto why = unproven(*outcome)) return fail_with("its SOA records " + *why);
    serial_ = *serial;
    begin();
}

/// Why the zone's SOA does not count; nothing if it does.
std::optional<std::string> QueryFetch::unproven(dns::Bytes message) const {
    if (!keys_) return std::nullopt;
    const auto proof = keys_->prove(dns::set_in(message, target_.zone, dns::rr::kSoa), now_);
    if (!proof) return proof.error();
    return proof->wildcard ? std::optional<std::string>("are made by a wildcard") : std::nullopt;
}

void QueryFetch::find_keys() {
    asker_.ask({target_.zone, dns::rr::kDnskey, dns::klass::kIn}, true,
               [this](const Asker::Outcome& outcome) { keys(outcome); });
}

void QueryFetch::keys(const Asker::Outcome& outcome) {
    if (!outcome) return finish(tl::unexpected(TransferError{false, outcome.error(), false}));
    const auto set = dns::set_in(*outcome, target_.zone, dns::rr::kDnskey);
    auto found = dns::ZoneKeys::make(target_.zone, *target_.anchors, set, now_);
    if (!found) return fail_with(found.error());
    keys_.emplace(std::move(*found));
    ask_serial();
}

void QueryFetch::begin() {
    auto& cache = *target_.cache;
    const bool same = cache.serial == serial_;
    cache.serial = serial_;
    for (const auto& name : target_.names) {
        const auto known = cache.names.find(name);
        if (known == cache.names.end()) {
            due_.push_back(name);
            continue;
        }
        const bool proven = !keys_ || known->second.signed_until.value_or(0) > now_;
        if (!same || !proven) known->second.until = Milliseconds(0);
        if (known->second.until <= loop_.now()) due_.push_back(name);
        bytes_ += size_of(known->second);
    }
    more();
}

void QueryFetch::more() {
    const bool in_time = loop_.now() - begun_ < target_.whole;
    while (in_time && open_ < kAtATime && next_ < due_.size() && failures_ < kMostFailures) {
        open_++;
        const auto index = next_++;
        asker_.ask({due_[index], dns::rr::kTxt, dns::klass::kIn}, keys_.has_value(),
                   [this, index](const Asker::Outcome& outcome) { answered(index, outcome); });
    }
    if (open_ == 0) ready_.start(Milliseconds(0));
}

void QueryFetch::answered(size_t index, const Asker::Outcome& outcome) {
    open_--;
    if (outcome && keys_) {
        take_signed(due_[index], *outcome);
    } else if (outcome) {
        take(due_[index], *outcome);
    } else {
        failed(due_[index], outcome.error());
    }
    more();
}

void QueryFetch::take(const dns::Name& name, dns::Bytes message) {
    const auto answer = dns::parse_answer(message, name, dns::rr::kTxt);
    if (!answer) return failed(name, answer.error().text);
    const auto ttl =
        answer->records.empty() ? answer->denied_for.value_or(kDeniedTtl) : answer->ttl;
    QueryCache::Known known;
    if (answer->records.empty() && !answer->chain.empty()) {
        const auto target = dns::Name::from_wire(answer->chain.back().rdata);
        known.leads_out = target && !target->is_under(target_.zone);
    }
    keep(name, answer->records, std::move(known), ttl);
}

/// What an alias leads to in another zone nobody has proven: it is not published.
void QueryFetch::take_signed(const dns::Name& name, dns::Bytes message) {
    const auto answer = dns::signed_answer(message, name, dns::rr::kTxt, *keys_, now_);
    if (!answer) return failed(name, answer.error());
    QueryCache::Known known;
    known.signed_until = answer->until;
    known.of_wildcard = answer->of_wildcard;
    known.leads_out = answer->leads_out;
    const auto left = std::clamp<int64_t>(answer->until - now_, 0, answer->ttl);
    keep(name, answer->records, std::move(known), static_cast<uint32_t>(left));
}

void QueryFetch::keep(const dns::Name& name, const std::vector<dns::Record>& records,
                      QueryCache::Known known, uint32_t ttl) {
    for (const auto& record : records) {
        if (!may_publish(record.rdata)) continue;
        known.rdata.emplace_back(record.rdata.begin(), record.rdata.end());
    }
    const auto size = size_of(known);
    if (bytes_ + size > kMostBytes) return failed(name, "the answers are too much to be kept");
    bytes_ += size - size_of(target_.cache->names[name]);
    std::sort(known.rdata.begin(), known.rdata.end());
    known.until = loop_.now() + std::clamp(Milliseconds(int64_t{ttl} * 1000), shortest_,
                                           std::max(shortest_, target_.longest));
    target_.cache->names[name] = std::move(known);
}

void QueryFetch::failed(const dns::Name& name, const std::string& why) {
    const auto known = target_.cache->names.find(name);
    if (known == target_.cache->names.end()) {
        unknown_ = true;
    } else {
        known->second.until = loop_.now() + shortest_;
    }
    if (failures_++ == 0) first_failure_ = fmt::format("{} TXT: {}", name.str(), why);
}

bool QueryFetch::is_of_wildcard(const dns::Name& name, const QueryCache::Known& known) const {
    if (known.of_wildcard) return true;
    const auto wildcard = wildcard_beside(name);
    if (known.rdata.empty() || !wildcard || *wildcard == name) return false;
    const auto beside = target_.cache->names.find(*wildcard);
    return beside != target_.cache->names.end() && beside->second.rdata == known.rdata;
}

/// An alias into another zone for which there is nothing to publish.
std::string QueryFetch::led_out(const dns::Name& name) const {
    return fmt::format(
        "{}: its alias (CNAME) leads out of {}{}: give it TXT records of its own", name.str(),
        target_.zone.str(),
        keys_ ? ", where nothing is proven by this zone's keys" : " and finds no TXT record");
}

/// False: there are too many records, and the fetch has failed.
bool QueryFetch::build(ZoneBuilder& builder) {
    std::unordered_map<dns::Name, QueryCache::Known> kept;  // names that are gone go
    for (const auto& name : target_.names) {
        const auto& known = target_.cache->names.at(name);
        if (is_of_wildcard(name, known)) continue;
        if (known.leads_out) builder.warn(led_out(name));
        for (const auto& rdata : known.rdata) {
            const auto added = builder.add(name, dns::rr::kTxt, bytes_of(rdata));
            if (added) continue;
            fail_with(added.error());
            return false;
        }
    }
    for (const auto& name : target_.names) kept.insert(target_.cache->names.extract(name));
    target_.cache->names = std::move(kept);
    return true;
}

void QueryFetch::end() {
    const auto left = due_.size() - next_;
    if (unknown_ || failures_ >= kMostFailures || left > 0) {
        const auto why = failures_ > 0 ? ", the first: " + first_failure_ : " in time";
        return fail_with(fmt::format("{} of {} have no answer{}", failures_ + left,
                                     run::counted(target_.names.size(), "name"), why));
    }
    ZoneBuilder builder(target_.zone, nullptr);
    if (!build(builder)) return;
    auto zone = builder.finish(*target_.cache->serial, false);
    const auto& have = target_.have;
    if (have && !have->gone && have->serial == zone->serial && have->records == zone->records &&
        have->warnings == zone->warnings) {
        zone = have;
    }
    const auto how = due_.empty() ? Fetched::How::unchanged : Fetched::How::queries;
    Fetched fetched{std::move(zone), how, "", std::nullopt};
    fetched.unanswered = failures_;
    if (failures_ > 0) {
        fetched.note = fmt::format("{} without an answer, what was known is kept; the first: {}",
                                   run::counted(failures_, "name"), first_failure_);
    }
    if (keys_) fetched.signed_until = keys_->until();
    for (const auto& [name, known] : target_.cache->names) {
        if (keys_) {
            fetched.signed_until = std::min(*fetched.signed_until, known.signed_until.value_or(0));
        }
        const auto left_to_live = known.until - loop_.now();
        fetched.again = std::min(fetched.again.value_or(left_to_live), left_to_live);
    }
    if (fetched.again) fetched.again = std::max(*fetched.again, shortest_);
    finish(std::move(fetched));
}

void QueryFetch::fail_with(std::string text) {
    finish(tl::unexpected(TransferError{false, std::move(text), true}));
}

/// Where zones must be signed, an unsigned word that there is none withdraws nothing.
void QueryFetch::no_such_zone(std::string text) {
    if (target_.anchors) return fail_with(text + ", which nobody has signed");
    finish(tl::unexpected(TransferError{true, std::move(text), true}));
}

}  // namespace ipref::agent
