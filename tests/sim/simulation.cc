// SPDX-License-Identifier: GPL-2.0-or-later
// Lives and deaths of the gateway, the disk, the clock; what clients and packets do stands in
// traffic.cc.
#include "sim/simulation.h"

#include <algorithm>

namespace ipref::gw::sim {

namespace {

constexpr Seconds kHour = 3600;
constexpr size_t kSettleSteps = 100'000;

}  // namespace

Simulation::Simulation(uint64_t seed)
    : chance_(seed), world_(chance_), model_(world_, ledger_, judge_) {
    options_.config = world_.config;
    options_.broker.in_flight = chance_.from_to(2, 12);
    options_.most_pending = chance_.from_to(5, 200);
    const size_t disk_speed = 1 + chance_.below(16);
    const size_t trouble = chance_.below(4);
    weights_ = {{&Simulation::deliver, 60},
                {&Simulation::act, 24},
                {&Simulation::connect, 5},
                {&Simulation::disconnect, 2},
                {&Simulation::packet_in, 14},
                {&Simulation::packet_out, 14},
                {&Simulation::wake_up, 2 * disk_speed},
                {&Simulation::write, 2 * disk_speed},
                {&Simulation::end_write, 2 * disk_speed},
                {&Simulation::retry, 2},
                {&Simulation::time_passes, 8},
                {&Simulation::sweep, 8},
                {&Simulation::edit_hosts_file, 4},
                {&Simulation::disk_changes, trouble},
                {&Simulation::crash, 1},
                {&Simulation::restart, 1},
                {&Simulation::settle, 2}};
    for (const auto& each : weights_) total_weight_ += each.weight;
    hosts_file_ = world_.hosts_file(chance_);
    start();
}

Simulation::~Simulation() = default;

bool Simulation::run(size_t steps) {
    while (step_ < steps && !judge_.is_broken()) one_step();
    if (!judge_.is_broken()) settle();
    return !judge_.is_broken();
}

void Simulation::one_step() {
    step_++;
    model_.keep();
    size_t at = chance_.below(total_weight_);
    for (const auto& each : weights_) {
        if (at < each.weight) return (this->*each.step)();
        at -= each.weight;
    }
}

void Simulation::start() {
    clock_ = std::make_unique<Clock>();
    clock_->set(wall_);
    if (disk_.torn()) {
        judge_.note("the disk is torn");
        if (disk_.read([](const auto&) {}, [](const auto&) {})) {
            judge_.broken("a torn record was read as if it were whole");
        }
        disk_.set_aside();
        ledger_ = {};
        model_.forget();
    }
    gateway_ = std::make_unique<SimGateway>(options_, *clock_, disk_, ledger_, judge_, chance_);
    model_.attach(gateway_->table(), *clock_);
    if (!chance_.one_in(6)) load_hosts_file();  // else it is missing: the last good set stays
}

void Simulation::stop(bool crash) {
    if (crash && chance_.one_in(2)) gateway_->write();  // on the disk, and nobody knows
    if (!crash) gateway_->close();
    clients_.clear();
    gateway_.reset();
    if (crash && chance_.one_in(12)) disk_.tear(chance_);
    ledger_.crash();
    if (!disk_.torn()) {
        const auto text = difference(ledger_.landed, disk_.contents());
        if (!text.empty()) judge_.broken("the disk is not what was written to it: {}", text);
        model_.crashed();
    }
    disk_.mode = SimDisk::Mode::works;
    if (chance_.one_in(3)) wall_ += chance_.from_to(1, 6 * kHour);
    if (chance_.one_in(8)) wall_ -= chance_.from_to(1, 12 * kHour);  // somebody sets the clock
}

void Simulation::crash() {
    judge_.note("crash, {} of {} units on disk", ledger_.on_disk, ledger_.units);
    stop(true);
    start();
}

void Simulation::restart() {
    judge_.note("restart");
    stop(false);
    start();
}

void Simulation::wake_up() {
    if (!gateway_->wake_up()) return;
    judge_.note("the committer wakes up");
    model_.check({});
}

void Simulation::write() {
    if (!gateway_->write()) return;
    judge_.note("the disk has written, {} of {} units", ledger_.on_disk, ledger_.units);
    model_.check({});
}

void Simulation::end_write() {
    if (!gateway_->end_write()) return;
    judge_.note("the write has ended");
    model_.check({});
}

void Simulation::retry() {
    if (!gateway_->retry()) return;
    judge_.note("the committer tries again");
    model_.check({});
}

bool Simulation::move_disk() {
    return gateway_->wake_up() || gateway_->write() || gateway_->end_write() || gateway_->retry();
}

void Simulation::disk_changes() {
    constexpr std::array modes{SimDisk::Mode::works, SimDisk::Mode::full, SimDisk::Mode::lies};
    constexpr std::array names{"works", "is full", "fails in the end"};
    const size_t which = chance_.below(modes.size());
    disk_.mode = modes[which];
    judge_.note("the disk {}", names[which]);
}

void Simulation::pass(Seconds seconds) {
    wall_ += seconds;
    clock_->set(clock_->now() + seconds);
    for (auto& [number, client] : clients_) client->at(clock_->now());
}

// As the heartbeat does, nothing is used in the second before a long time without sweeps.
void Simulation::time_passes() {
    Seconds seconds = chance_.from_to(1, 50);
    if (chance_.one_in(3)) seconds = chance_.from_to(60, 1200);
    if (chance_.one_in(4)) seconds = chance_.from_to(kHour, 5 * kHour);
    if (seconds > 50) sweep_rows(SIZE_MAX);
    pass(seconds);
    judge_.note("{} s pass, it is {}", seconds, clock_->now());
    model_.check({});
}

void Simulation::sweep_rows(size_t most) {
    judge_.note("sweep of {}", most == SIZE_MAX ? "all" : std::to_string(most));
    // What expires changes the places of others, which a sweep in progress may then leave out.
    const auto rows = [this] {
        const Table& table = gateway_->table();
        return table.count(Relation::remote) + table.count(Relation::local);
    };
    size_t before = 0;
    do {
        before = rows();
        gateway_->table().sweep(most);
    } while (most == SIZE_MAX && rows() != before);
    Cause cause;
    cause.sweeps = true;
    model_.check(cause);
    model_.swept();
    if (most == SIZE_MAX) model_.swept_all();
}

void Simulation::sweep() {
    sweep_rows(chance_.one_in(2) ? SIZE_MAX : 1 + chance_.below(10));
}

void Simulation::load_hosts_file() {
    judge_.note("the hosts file is loaded, {} mappings", hosts_file_.size());
    const OwnerName owner{.name = kHostsFile, .expires = false, .priority = true};
    Cause cause;
    cause.owner = kHostsFile;
    cause.set = hosts_file_;
    gateway_->table().replace(owner, hosts_file_, std::nullopt);
    model_.check(cause);
}

void Simulation::edit_hosts_file() {
    hosts_file_ = world_.hosts_file(chance_);
    load_hosts_file();
}

// The disk works and time stands still until nothing is on its way.
void Simulation::settle() {
    judge_.note("everything settles");
    disk_.mode = SimDisk::Mode::works;
    bool moved = true;
    for (size_t i = 0; moved && !judge_.is_broken(); i++) {
        moved = false;
        while (move_disk()) moved = true;
        for (const auto& [number, client] : clients_) moved |= deliver_from(number);
        if (i > kSettleSteps) judge_.broken("it does not settle");
    }
    model_.check({});
    if (judge_.is_broken()) return;
    if (ledger_.on_disk != ledger_.units) {
        judge_.broken("{} of {} units are on disk, and nobody writes the rest", ledger_.on_disk,
                      ledger_.units);
    }
    if (!gateway_->problem().empty()) judge_.broken("a problem stays: {}", gateway_->problem());
    for (const auto& [number, client] : clients_) {
        client->check_quiet(gateway_->table(), clock_->now());
    }
}

}  // namespace ipref::gw::sim
