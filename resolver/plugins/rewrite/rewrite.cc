// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin rewrite: changes queries on their way in, and answers on their way out.
#include <utility>

#include "resolver/plugins/rewrite/rule.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using rewrite::ChangeCname;
using rewrite::Pending;

struct Line {
    std::unique_ptr<rewrite::Rule> rule;
    bool stop = true;
};

class Rewrite final : public Handler {
  public:
    explicit Rewrite(std::vector<Line> lines) : lines_(std::move(lines)) {
        for (const auto& line : lines_) other_classes_ |= line.rule->other_classes();
    }
    std::string_view name() const override { return "rewrite"; }
    Interest interest() const override { return {.other_classes = other_classes_}; }

    Step handle(Query& q) override {
        auto& pending = q.state<Pending>(*this);
        pending.name = q.request.name;
        pending.type = q.request.type;
        pending.klass = q.request.klass;
        pending.edns = q.request.edns;
        for (const auto& line : lines_) {
            if (!line.rule->apply(q, pending)) continue;
            pending.changed = true;
            if (line.stop) break;
        }
        return pending.changed ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        const bool answer = q.outcome() == Query::Outcome::answered;
        const bool done = !answer || respond(q);
        if (!done) return Step::later;
        restore(q);
        return Step::done;
    }

  private:
    void restore(Query& q) {
        const auto& pending = q.state<Pending>(*this);
        if (!(pending.name.wire().size() == q.request.name.wire().size() &&
              std::equal(pending.name.wire().begin(), pending.name.wire().end(),
                         q.request.name.wire().begin()))) {
            q.rename(pending.name);
        }
        q.request.type = pending.type;
        q.request.klass = pending.klass;
        q.request.edns = pending.edns;
    }

    /// What is left to be done to the answer, the latest rule's first. False: a look-up was begun;
    /// the rest follows it, and then the end of the query.
    bool respond(Query& q) {
        auto& left = q.state<Pending>(*this).responses;
        while (!left.empty()) {
            const auto response = std::move(left.back());
            left.pop_back();
            const auto* cname = std::get_if<ChangeCname>(&response);
            if (cname == nullptr) {
                rewrite::respond(q, response);
            } else if (const auto target = rewrite::retarget(q, *cname)) {
                if (q.request.type != dns::rr::kCname) return look_up(q, *target);
                q.reply.rcode = dns::rcode::kNoError;
            }
        }
        return true;
    }

    bool look_up(Query& q, const Name& target) {
        q.lookup(target, q.request.type, [this, &q](const LookupResult& result) {
            take(q, result);
            if (!respond(q)) return;
            restore(q);
            q.finish();
        });
        return false;
    }

    /// The answer is that of the new target: its rcode, and what it says about itself.
    static void take(Query& q, const LookupResult& result) {
        const auto copied = [&](const RecordRef& record) {
            return RecordRef{.owner = q.arena().copy(record.owner),
                             .type = record.type,
                             .klass = record.klass,
                             .ttl = record.ttl,
                             .rdata = q.arena().copy(record.rdata)};
        };
        if (result.reply == nullptr) {
            q.reply.rcode = dns::rcode::kServFail;
            return;
        }
        q.reply.rcode = result.reply->rcode;
        q.reply.tc = result.reply->tc;
        for (const auto& record : result.reply->answer) q.reply.answer.push_back(copied(record));
    }

    std::vector<Line> lines_;
    bool other_classes_ = false;
};

/// A use of the directive: [continue|stop] RULE, in one line or in a block.
Result<Line> line_from(Dispenser& d) {
    Line line;
    auto words = d.remaining_args();
    if (!words.empty() && (words[0] == "continue" || words[0] == "stop")) {
        line.stop = words[0] == "stop";
        words.erase(words.begin());
    }
    const Position at = d.place();
    while (d.next_block()) {
        words.push_back(d.val());
        const auto more = d.remaining_args();
        words.insert(words.end(), more.begin(), more.end());
    }
    if (!d.ok()) return d.eof_err();
    auto rule = rewrite::parse_rule(words);
    if (!rule) return parse_error(at, rule.error().text);
    line.rule = std::move(*rule);
    return line;
}

}  // namespace

Result<void> setup_rewrite(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Line> lines;
    while (d.next()) {
        auto line = line_from(d);
        if (!line) return tl::unexpected(line.error());
        lines.push_back(std::move(*line));
    }
    setup.add(std::make_unique<Rewrite>(std::move(lines)));
    return {};
}

}  // namespace ipref::resolver
