// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin autopath: walks a client's search list for it. Clients try "name.first.domain" first; if
// that does not exist, the answer is that of the next domain in the list, behind a CNAME.
#include <algorithm>
#include <sstream>

#include "resolver/corefile/parser.h"
#include "resolver/server/counters.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr size_t kMostDomains = 32;  // what a query may cause

class AutoPath final : public Handler {
  public:
    /// `search`: in lower case, the root last.
    AutoPath(std::vector<Name> zones, std::vector<Name> search, run::Metrics& metrics)
        : zones_(std::move(zones)),
          search_(std::move(search)),
          found_(metrics, "coredns_autopath_success_total",
                 "Counter of requests that did autopath.", false) {}
    std::string_view name() const override { return "autopath"; }

    Result<void> start(Worker& worker) override {
        found_.make(worker);
        return {};
    }
    void stop(Worker& worker) override { found_.drop(worker); }

    Step handle(Query& q) override {
        const auto& name = q.request.lower;
        const auto& first = search_.front();
        const bool ours = longest_zone(zones_, name) != nullptr && name.is_under(first) &&
                          name.labels() > first.labels();
        return ours ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        const bool missing =
            q.outcome() == Query::Outcome::answered && q.reply.rcode == dns::rcode::kNxDomain;
        return missing && look_up(q, 1) ? Step::later : Step::done;
    }

  private:
    /// Tries the domains from `at` on; false if there is none left.
    bool look_up(Query& q, size_t at) {
        auto target = at < search_.size() ? joined(q, search_[at]) : std::nullopt;
        while (!target && ++at < search_.size()) target = joined(q, search_[at]);
        if (!target) return false;
        q.lookup(*target, q.request.type, [this, &q, at](const LookupResult& result) {
            const bool exists = result.answered && result.reply != nullptr &&
                                result.reply->rcode != dns::rcode::kNxDomain;
            if (exists) take(q, *result.reply);
            if (exists || !look_up(q, at + 1)) q.finish();
        });
        return true;
    }

    /// The name without the first domain of the list, with another one. Nothing: too long.
    std::optional<Name> joined(const Query& q, const Name& domain) const {
        const auto name = q.request.name.wire();
        std::vector<uint8_t> wire(name.begin(),
                                  name.end() - static_cast<ptrdiff_t>(search_.front().size()));
        wire.insert(wire.end(), domain.wire().begin(), domain.wire().end());
        return Name::from_wire(wire);
    }

    void take(Query& q, const Reply& found) {
        const auto copy = [&](const std::vector<RecordRef>& from, std::vector<RecordRef>& to) {
            for (const auto& record : from) {
                to.push_back({.owner = q.arena().copy(record.owner),
                              .type = record.type,
                              .klass = record.klass,
                              .ttl = record.ttl,
                              .rdata = q.arena().copy(record.rdata)});
            }
        };
        q.reply.answer.clear();
        q.reply.authority.clear();
        q.reply.additional.clear();
        if (!found.answer.empty()) {
            const auto& first = found.answer.front();
            q.reply.answer.push_back({.owner = q.arena().copy(q.request.name.wire()),
                                      .type = dns::rr::kCname,
                                      .ttl = first.ttl,
                                      .rdata = q.arena().copy(first.owner)});
        }
        copy(found.answer, q.reply.answer);
        copy(found.authority, q.reply.authority);
        copy(found.additional, q.reply.additional);
        q.reply.rcode = found.rcode;
        q.reply.aa = found.aa;
        q.reply.ra = found.ra;
        q.reply.tc = found.tc;
        q.reply.ad = false;
        found_.add(q);
    }

    std::vector<Name> zones_;
    std::vector<Name> search_;
    QueryCounters found_;
};

/// The domains of resolv.conf(5): the last `search` or `domain` line counts; empty without one.
Result<std::vector<Name>> search_list(const std::string& text, const std::string& path) {
    std::vector<Name> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word != "search" && word != "domain") continue;
        out.clear();
        while (words >> word) {
            const auto name = Name::parse(word);
            if (!name) return fail("{}: \"{}\" is no domain: {}", path, word, name.error().text);
            out.push_back(name->lower());
        }
    }
    if (out.size() > kMostDomains) return fail("{}: more than {} domains", path, kMostDomains);
    if (!out.empty()) out.emplace_back();  // the name by itself
    return out;
}

}  // namespace

Result<void> setup_autopath(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Name> zones;
    std::vector<Name> search;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        auto words = d.remaining_tokens();
        if (words.empty()) return d.arg_err();
        const auto from = words.back();
        words.pop_back();
        if (from.text.starts_with('@')) {
            return parse_error(from.at,
                               fmt::format("{} does not implement the AutoPather interface; name "
                                           "a file as resolv.conf(5)",
                                           from.text.substr(1)));
        }
        const auto path = setup.path(from.text);
        const auto text = system_sources().read(path);
        if (!text) return parse_error(from.at, text.error().text);
        auto list = search_list(*text, path);
        if (!list) return parse_error(from.at, list.error().text);
        if (list->empty()) setup.warn(path + " has no search list: nothing to walk");
        search = std::move(*list);
        auto named = setup.zones_or_own(words);
        if (!named) return tl::unexpected(named.error());
        zones = std::move(*named);
        if (d.next_block() || d.next_on_line()) return d.arg_err();
        if (!d.ok()) return d.eof_err();
    }
    if (search.empty()) return {};
    setup.add(std::make_unique<AutoPath>(std::move(zones), std::move(search), setup.metrics()));
    return {};
}

}  // namespace ipref::resolver
