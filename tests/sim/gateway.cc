// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/gateway.h"

#include <cstring>
#include <utility>

#include "gw/mapping/recovery.h"

namespace ipref::gw::sim {

namespace {

// Few numbers, so that a number that should rest, or that is taken, is drawn again soon.
Random few_numbers(Chance& chance) {
    return Random([&chance](std::span<uint8_t> out) {
        for (size_t at = 0; at + sizeof(uint64_t) <= out.size(); at += sizeof(uint64_t)) {
            const uint64_t number = 0x1000 + 0x100 * chance.below(2) + 1 + chance.below(24);
            std::memcpy(out.data() + at, &number, sizeof number);
        }
    });
}

}  // namespace

void Ledger::record(const std::vector<Change>& unit) {
    now.apply(unit);
    between.push_back(unit);
    units++;
}

void Ledger::land(uint64_t upto) {
    for (; on_disk < upto; on_disk++) {
        landed.apply(between.front());
        between.pop_front();
    }
}

void Ledger::crash() {
    now = landed;
    between.clear();
    units = on_disk;
}

SimGateway::SimGateway(const Options& options, Clock& clock, SimDisk& disk, Ledger& ledger,
                       Judge& judge, Chance& chance)
    : disk_(disk),
      ledger_(ledger),
      judge_(judge),
      table_(options.config, clock, few_numbers(chance)),
      committer_(table_, clock, disk, *this,
                 {.name = "disk", .most_pending = options.most_pending}) {
    StoreOpened opened;
    const bool whole = restore(disk, table_, clock, opened);
    if (!whole) judge.broken("a disk that is not torn could not be read");
    if (opened.dropped > 0) judge.broken("{} records did not fit at a restart", opened.dropped);
    table_.journal(this);
    clients_.emplace(
        table_, options.broker, BrokerSources{},
        Clients::World{
            .when_durable = [this](auto one) { committer_.when_durable(std::move(one)); },
            .problem = [this] { return committer_.problem(); },
            .warn = [](const auto&) {}});
}

SimGateway::~SimGateway() {
    clients_.reset();
    table_.journal(nullptr);
}

void SimGateway::record(std::vector<Change> changes) {
    ledger_.record(changes);
    committer_.record(std::move(changes));
}

bool SimGateway::wake_up() {
    if (!std::exchange(woken_, false)) return false;
    committer_.commit();
    return true;
}

void SimGateway::start(std::function<void()> work) {
    if (working_) judge_.broken("two commits at once");
    work_ = std::move(work);
    working_ = true;
    upto_ = ledger_.units;
}

void SimGateway::do_work() {
    const uint64_t landed = disk_.landed();
    std::exchange(work_, nullptr)();
    if (disk_.landed() == landed) return;
    ledger_.land(upto_);
    const auto text = difference(ledger_.landed, disk_.contents());
    if (!text.empty()) judge_.broken("the disk is not as the table has told its journal: {}", text);
}

bool SimGateway::write() {
    if (!work_) return false;
    do_work();
    return true;
}

bool SimGateway::end_write() {
    if (!working_ || work_) return false;
    working_ = false;
    committer_.ended();
    return true;
}

bool SimGateway::retry() {
    if (!std::exchange(retry_, false)) return false;
    committer_.retry();
    return true;
}

void SimGateway::wait() {
    if (work_) do_work();
    working_ = false;
}

void SimGateway::close() {
    clients_.reset();
    const uint64_t landed = disk_.landed();
    const bool written = committer_.close().has_value();
    if (disk_.landed() != landed || ledger_.between.empty()) ledger_.land(ledger_.units);
    if (written && !ledger_.between.empty()) judge_.broken("a clean stop has lost changes");
}

void SimGateway::report(const std::string& problem) {
    judge_.note("  disk: {}", problem.empty() ? "works again" : problem);
}

}  // namespace ipref::gw::sim
