// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin loadbalance: addresses in changing order, so that clients that take the first one spread.
#include <algorithm>
#include <random>

#include "resolver/plugins/loadbalance/weights.h"
#include "resolver/server/plugin.h"
#include "resolver/server/reloaded_file.h"
#include "resolver/server/snapshot.h"

namespace ipref::resolver {

namespace {

bool is_address(const RecordRef& record) {
    return record.type == dns::rr::kA || record.type == dns::rr::kAaaa;
}

std::optional<net::Ip> address_of(const RecordRef& record) {
    const auto family = record.type == dns::rr::kA ? net::Family::v4 : net::Family::v6;
    if (record.rdata.size() != net::address_size(family)) return std::nullopt;
    return net::Ip(family, record.rdata.data());
}

using Shared = Snapshot<Weights>;

class LoadBalance final : public Handler {
  public:
    /// Without weights all orders are as likely.
    LoadBalance(std::shared_ptr<Shared> weights, std::unique_ptr<ReloadedFile> file)
        : weights_(std::move(weights)), file_(std::move(file)) {}
    std::string_view name() const override { return "loadbalance"; }

    Result<void> start(Worker& worker) override {
        random_.make(worker, std::random_device()());
        if (weights_) weights_->join(worker);
        if (file_ && worker.index() == 0) file_->watch(worker.loop());
        return {};
    }
    void stop(Worker& worker) override {
        if (file_ && worker.index() == 0) file_->unwatch();
        if (weights_) weights_->leave(worker);
        random_.drop(worker);
    }

    Step handle(Query& q) override {
        const bool transfer = q.request.type == dns::rr::kAxfr || q.request.type == dns::rr::kIxfr;
        return transfer ? Step::next : Step::watch;
    }
    Step answered(Query& q) override {
        auto& reply = q.reply;
        if (q.outcome() != Query::Outcome::answered || reply.rcode != dns::rcode::kNoError) {
            return Step::done;
        }
        if (weights_) {
            draw(q, reply.answer);
            return Step::done;
        }
        for (auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
            shuffle(q, *section, is_address);
            shuffle(q, *section, [](const RecordRef& r) { return r.type == dns::rr::kMx; });
        }
        return Step::done;
    }

  private:
    /// Puts the records that `which` tells in another order, the others staying where they are.
    template <typename Which>
    void shuffle(Query& q, std::vector<RecordRef>& records, Which which) {
        auto& random = random_[q.worker()];
        size_t seen = 0;
        for (size_t i = 0; i < records.size(); i++) {
            if (!which(records[i])) continue;
            // The one at hand changes places with one of those before, or stays.
            const size_t other = std::uniform_int_distribution<size_t>(0, seen++)(random);
            size_t at = 0;
            for (size_t passed = 0; passed < other || !which(records[at]); at++) {
                if (which(records[at])) passed++;
            }
            std::swap(records[i], records[at]);
        }
    }

    /// Draws the address that comes first, by weight.
    void draw(Query& q, std::vector<RecordRef>& records) {
        const auto& weights = weights_->at(q.worker());
        std::vector<std::pair<size_t, unsigned>> choices;
        unsigned sum = 0;
        for (size_t i = 0; i < records.size(); i++) {
            const auto ip = is_address(records[i]) ? address_of(records[i]) : std::nullopt;
            const auto owner = Name::from_wire(records[i].owner);
            if (!ip || !owner) continue;
            const unsigned weight = weights.of(owner->lower(), *ip);
            choices.emplace_back(i, weight);
            sum += weight;
        }
        if (choices.size() < 2) return;
        unsigned drawn = std::uniform_int_distribution<unsigned>(0, sum - 1)(random_[q.worker()]);
        for (const auto& [at, weight] : choices) {
            if (drawn < weight) {
                std::swap(records[choices.front().first], records[at]);
                return;
            }
            drawn -= weight;
        }
    }

    std::shared_ptr<Shared> weights_;
    std::unique_ptr<ReloadedFile> file_;
    PerWorker<std::minstd_rand> random_;
};

Result<void> add_weighted(Setup& setup, const std::string& path, Nanoseconds reload) {
    auto shared = std::make_shared<Shared>(std::make_shared<Weights>());
    const auto take = [shared, path](const std::string& text) -> Result<void> {
        auto weights = Weights::parse(text, path);
        if (!weights) return tl::unexpected(weights.error());
        shared->set(std::make_shared<Weights>(std::move(*weights)));
        return {};
    };
    auto file = std::make_unique<ReloadedFile>(path, reload, take);
    if (auto read = file->read_now(); !read) return setup.error(read.error().text);
    setup.add(std::make_unique<LoadBalance>(std::move(shared), std::move(file)));
    return {};
}

}  // namespace

Result<void> setup_loadbalance(Setup& setup) {
    auto& d = setup.tokens();
    std::string path;
    Nanoseconds reload = std::chrono::seconds(30);
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (!d.next_arg() || d.val() == "round_robin") {
            if (d.next_on_line()) return d.arg_err();
            continue;
        }
        if (d.val() != "weighted") {
            return d.err(
                fmt::format("unknown policy: {}; there are round_robin and weighted", d.val()));
        }
        if (!d.next_arg()) return d.arg_err();
        path = setup.path(d.val());
        if (d.next_arg()) return d.arg_err();
        OptionTable table;
        table.duration("reload", reload, Nanoseconds(0), std::chrono::hours(24 * 365),
                       "How often the file is looked at, besides when the system tells of a "
                       "change. 0: never.");
        if (auto read = table.read_block(d); !read) return read;
    }
    if (!path.empty()) return add_weighted(setup, path, reload);
    setup.add(std::make_unique<LoadBalance>(nullptr, nullptr));
    return {};
}

}  // namespace ipref::resolver
