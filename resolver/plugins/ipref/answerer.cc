// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/answerer.h"

#include <algorithm>

#include "common/run/log.h"

namespace ipref::resolver::aa {

namespace {

uint16_t address_type(net::Family family) {
    return family == net::Family::v4 ? dns::rr::kA : dns::rr::kAaaa;
}

uint16_t info_code_of(mapper::Reason reason) {
    switch (reason) {
        case mapper::Reason::disconnected:
        case mapper::Reason::timed_out:
        case mapper::Reason::too_many:
        case mapper::Reason::overloaded:
            return dns::ede::kNotReady;
        case mapper::Reason::not_unicast:
            return dns::ede::kInvalidData;
        default:
            return dns::ede::kOther;
    }
}

}  // namespace

/// A question on its way: TXT, then gateways, then encoded addresses.
struct Answerer::Question {
    Question(run::Loop& loop, Answerer& owner, uint64_t with_number)
        : number(with_number), timer(loop, [this, &owner] { owner.conclude(*this); }) {}

    const uint64_t number;
    dns::Name name;
    uint16_t type = 0;
    Callback callback;
    Outcome outcome;
    run::Timer timer;  // for everything, then for the mapper
    std::vector<std::pair<dns::Name, std::vector<net::Ref>>> gateways;
    size_t gateways_due = 0;
    std::vector<net::IpRef> targets;  // each once, in order
    std::vector<std::optional<net::Ip>> eas;
    size_t eas_due = 0;
    uint32_t ttl = 0;
    run::Milliseconds since{0};     // when the upstream answered
    bool mapping = false;           // the mapper is being asked
    uint32_t missing = UINT32_MAX;  // seconds that a gateway's name stays without address
};

Answerer::Answerer(run::Loop& loop, AnswererOptions options)
    : loop_(loop),
      options_(std::move(options)),
      asker_(loop, options_.asker),
      encoder_(loop, options_.mapper, options_.ea_family),
      kick_(loop, [this] { deliver(); }) {}

Answerer::~Answerer() {
    *alive_ = false;
}

Answerer::Question* Answerer::find(uint64_t number) {
    const auto at = questions_.find(number);
    return at == questions_.end() ? nullptr : at->second.get();
}

void Answerer::ask(const dns::Name& name, uint16_t type, Callback callback) {
    const uint64_t number = next_++;
    const bool full = questions_.size() >= options_.most_questions;
    auto& question =
        *questions_.emplace(number, std::make_unique<Question>(loop_, *this, number)).first->second;
    question.name = name;
    question.type = type;
    question.callback = std::move(callback);
    if (full) return fail_question(question, dns::ede::kOther, "too many queries in flight");
    question.outcome.info_code = dns::ede::kNoReachableAuthority;
    question.outcome.why = "the upstreams did not answer in time";
    question.timer.start(options_.deadline);
    asker_.ask(name, dns::rr::kTxt, [this, number](const Asker::Outcome& answer) {
        if (auto* found = find(number)) on_txt(*found, answer);
    });
}

void Answerer::on_txt(Question& question, const Asker::Outcome& answer) {
    if (!answer) {
        return fail_question(question, dns::ede::kNoReachableAuthority,
                             "TXT look-up failed: " + answer.error().text);
    }
    std::vector<dns::Aa> records;
    question.since = loop_.now();
    question.ttl = options_.ttl_most;
    for (const auto& record : answer->records) {
        auto found = dns::aa_of_txt(record.rdata);
        for (const auto& error : found.bad) {
            run::log_debug("plugin/ipref: {}: {}", question.name.str(), error.text);
        }
        records.insert(records.end(), std::make_move_iterator(found.good.begin()),
                       std::make_move_iterator(found.good.end()));
        // One TTL for the set (RFC 2181 section 5.2).
        question.ttl = std::min(question.ttl, record.ttl);
    }
    if (records.empty()) {
        question.outcome.kind = Outcome::Kind::no_aa;
        // What the upstream denies is the asker's to remember, where it takes nobody's place.
        question.outcome.ttl = answer->records.empty() ? 0 : std::min(question.ttl, answer->ttl);
        return end(question);
    }
    if (options_.dnssec && !answer->authenticated) {
        return fail_question(question, dns::ede::kDnssecIndeterminate,
                             "the upstream does not vouch for the AA records (option dnssec)");
    }
    question.outcome.chain = answer->chain;
    for (auto& record : question.outcome.chain) {
        record.ttl = std::min(record.ttl, options_.ttl_most);
    }
    question.outcome.owner = answer->chain.empty() ? question.name : answer->records.front().owner;
    if (question.type != address_type(options_.ea_family)) {
        question.outcome.kind = Outcome::Kind::nodata;
        question.outcome.ttl = question.ttl;
        return end(question);
    }
    resolve_gateways(question, records);
}

void Answerer::resolve_gateways(Question& question, const std::vector<dns::Aa>& records) {
    question.outcome.info_code = dns::ede::kInvalidData;
    question.outcome.why = "no gateway of its AA records can be used";
    for (const auto& aa : records) {
        if (const auto* ip = std::get_if<net::Ip>(&aa.gw)) {
            add_target(question, {*ip, aa.ref});
            continue;
        }
        const auto& name = std::get<dns::Name>(aa.gw);
        auto& gateways = question.gateways;
        auto at = std::find_if(gateways.begin(), gateways.end(),
                               [&](const auto& one) { return one.first == name; });
        if (at == gateways.end()) {
            if (gateways.size() == kMostGateways) continue;
            at = gateways.insert(at, {name, {}});
        }
        at->second.push_back(aa.ref);
    }
    question.gateways_due = question.gateways.size();
    if (question.gateways_due == 0) return encode(question);
    for (const auto& [name, refs] : question.gateways) {
        asker_.ask(name, address_type(options_.gw_family),
                   [this, number = question.number, name = name](const Asker::Outcome& answer) {
                       if (auto* found = find(number)) on_gateway(*found, name, answer);
                   });
    }
}

void Answerer::on_gateway(Question& question, const dns::Name& gateway,
                          const Asker::Outcome& answer) {
    if (question.mapping) return;
    const auto at = std::find_if(question.gateways.begin(), question.gateways.end(),
                                 [&](const auto& one) { return one.first == gateway; });
    const bool vouched = answer && (!options_.dnssec || answer->authenticated);
    if (vouched && !answer->records.empty()) {
        question.ttl = std::min(question.ttl, answer->ttl);
        for (const auto& ip : answer->ips()) {
            for (const auto& ref : at->second) add_target(question, {ip, ref});
        }
    } else {
        const auto why = !answer    ? answer.error().text
                         : !vouched ? "the upstream does not vouch for its address"
                                    : "no address of the family wanted";
        const auto missing = vouched ? answer->denied_for.value_or(0) : 0;
        question.missing = std::min(question.missing, missing);
        question.outcome.why = fmt::format("gateway {}: {}", gateway.str(), why);
        run::log_debug("plugin/ipref: {}: {}", question.name.str(), question.outcome.why);
    }
    if (--question.gateways_due == 0) encode(question);
}

void Answerer::add_target(Question& question, const net::IpRef& ipref) {
    auto& targets = question.targets;
    const auto unusable = [&](const char* why) {
        question.outcome.why = fmt::format("gateway {} {}", ipref.ip.str(), why);
    };
    if (ipref.ip.family() != options_.gw_family) return unusable("is not of the family wanted");
    if (!ipref.ip.is_global_unicast()) return unusable("is no address of a gateway");
    if (encoder_.is_encoded(ipref.ip)) return unusable("is inside the encode network");
    if (targets.size() == kMostTargets) return;
    if (std::find(targets.begin(), targets.end(), ipref) != targets.end()) return;
    targets.push_back(ipref);
}

void Answerer::encode(Question& question) {
    question.mapping = true;
    if (question.targets.empty()) return conclude(question);
    question.outcome.info_code = dns::ede::kNotReady;
    question.outcome.why = "the mapper did not answer in time";
    question.timer.start(options_.mapper_patience);
    question.eas.resize(question.targets.size());
    question.eas_due = question.targets.size();
    const uint64_t number = question.number;
    const auto targets = question.targets;  // the question may end before the last is asked for
    auto name = question.name.str();
    if (name.size() > dns::kMaxName) name.clear();  // escapes: the mapper only logs it
    for (const auto& ipref : targets) {
        encoder_.encode(ipref, name, [this, number, ipref](const Encoder::Outcome& outcome) {
            if (auto* found = find(number)) on_ea(*found, ipref, outcome);
        });
    }
}

void Answerer::on_ea(Question& question, const net::IpRef& ipref, const Encoder::Outcome& outcome) {
    if (outcome) {
        const auto& targets = question.targets;
        const auto at = std::find(targets.begin(), targets.end(), ipref) - targets.begin();
        question.eas[static_cast<size_t>(at)] = outcome->ip;
        if (outcome->left) {
            const auto left = std::max<int64_t>(outcome->left->count(), 0);
            question.ttl = static_cast<uint32_t>(std::min<int64_t>(question.ttl, left));
        }
    } else {
        question.outcome.info_code = info_code_of(outcome.error().reason);
        question.outcome.why =
            fmt::format("no mapping of {}: {}", ipref.str(),
                        outcome.error().text.empty() ? mapper::name_of(outcome.error().reason)
                                                     : outcome.error().text);
    }
    if (--question.eas_due == 0) conclude(question);
}

/// With the addresses that are there: those of the others came to nothing, or not in time.
void Answerer::conclude(Question& question) {
    auto& addresses = question.outcome.addresses;
    for (const auto& ea : question.eas) {
        if (!ea || std::find(addresses.begin(), addresses.end(), *ea) != addresses.end()) continue;
        addresses.push_back(*ea);
    }
    if (addresses.empty()) {
        return fail_question(question, question.outcome.info_code, std::move(question.outcome.why));
    }
    question.outcome.kind = Outcome::Kind::addresses;
    question.outcome.ttl = question.ttl;
    end(question);
}

void Answerer::fail_question(Question& question, uint16_t info_code, std::string why) {
    question.outcome.kind = Outcome::Kind::failed;
    question.outcome.info_code = info_code;
    question.outcome.why = std::move(why);
    end(question);
}

/// Only what is whole: what came to nothing, or not in time, is asked for again.
void Answerer::keep(const Question& question) {
    const auto& outcome = question.outcome;
    if (outcome.kind == Outcome::Kind::failed) return;
    Memory::Known known;
    known.outcome = outcome;
    known.since = question.since;
    known.lasts = std::chrono::seconds(std::min(outcome.ttl, question.missing));
    for (size_t i = 0; i < question.targets.size(); i++) {
        if (i >= question.eas.size() || !question.eas[i]) return;
        known.mappings.emplace_back(question.targets[i], *question.eas[i]);
    }
    for (const auto& record : outcome.chain) {
        known.lasts = std::min(known.lasts, std::chrono::seconds(record.ttl));
    }
    look_at_mappings(known);
    if (known.held_until <= loop_.now()) return;
    memory_.keep(question.name.lower(), question.type, std::move(known));
}

void Answerer::look_at_mappings(Memory::Known& known) const {
    known.generation = encoder_.generation();
    known.held_until = run::Milliseconds::max();
    for (const auto& [ipref, ea] : known.mappings) {
        known.held_until = std::min(known.held_until, encoder_.holds_until(ipref, ea));
    }
}

std::optional<Answerer::Recalled> Answerer::recall(const dns::Name& lower, uint16_t type) {
    const auto now = loop_.now();
    auto* known = memory_.find(lower, type, now);
    if (known == nullptr) return {};
    if (known->generation != encoder_.generation()) look_at_mappings(*known);
    if (known->held_until <= now) {
        memory_.forget(lower, type);
        return {};
    }
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - known->since);
    return Recalled{known->outcome, static_cast<uint32_t>(age.count())};
}

void Answerer::end(Question& question) {
    keep(question);
    ready_.emplace_back(std::move(question.callback), std::move(question.outcome));
    questions_.erase(question.number);
    kick_.start(run::Milliseconds(0));
}

void Answerer::deliver() {
    const auto ready = std::exchange(ready_, {});
    const auto alive = alive_;
    for (const auto& [callback, outcome] : ready) {
        callback(outcome);
        if (!*alive) return;
    }
}

}  // namespace ipref::resolver::aa
