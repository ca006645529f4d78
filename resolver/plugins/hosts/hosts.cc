// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin hosts: names and addresses from a hosts file and from the Corefile.
#include <charconv>
#include <ctime>

#include "common/run/log.h"
#include "resolver/plugins/hosts/table.h"
#include "resolver/server/fallthrough.h"
#include "resolver/server/plugin.h"
#include "resolver/server/reloaded_file.h"
#include "resolver/server/snapshot.h"

namespace ipref::resolver {

namespace {

struct Options {
    std::string path = "/etc/hosts";
    std::vector<Name> zones;
    std::string inline_lines;
    uint32_t ttl = 3600;
    bool no_reverse = false;
    Nanoseconds reload = std::chrono::seconds(5);
    std::vector<Name> fallthrough;
};

/// What is shared with a read that is under way.
struct Shared {
    Shared(const Options& options, run::Metrics& metrics)
        : inline_lines(options.inline_lines),
          reverse(!options.no_reverse),
          entries(metrics.gauge("coredns_hosts_entries",
                                "The combined number of entries in hosts and Corefile.")),
          read_at(metrics.gauge("coredns_hosts_reload_timestamp_seconds",
                                "The timestamp of the last reload of the hosts file.")) {
        take("");
    }
    void take(std::string_view text) {
        auto made = std::make_shared<HostsTable>();
        made->add(text, reverse);
        made->add(inline_lines, reverse);
        entries.set(static_cast<double>(made->entries()));
        table.set(std::move(made));
    }

    std::string inline_lines;
    bool reverse;
    run::Gauge& entries;
    run::Gauge& read_at;
    Snapshot<HostsTable> table{std::make_shared<HostsTable>()};
};

class Hosts final : public Handler {
  public:
    Hosts(Options options, run::Metrics& metrics)
        : options_(std::move(options)),
          shared_(std::make_shared<Shared>(options_, metrics)),
          file_(options_.path, options_.reload,
                [shared = shared_](const std::string& text) -> Result<void> {
                    shared->take(text);
                    shared->read_at.set(static_cast<double>(std::time(nullptr)));
                    return {};
                }) {}
    std::string_view name() const override { return "hosts"; }

    Result<void> read_now() { return file_.read_now(); }

    Result<void> start(Worker& worker) override {
        shared_->table.join(worker);
        if (worker.index() == 0) file_.watch(worker.loop());
        return {};
    }
    void stop(Worker& worker) override {
        if (worker.index() == 0) file_.unwatch();
        shared_->table.leave(worker);
    }

    Step handle(Query& q) override {
        const auto& table = shared_->table.at(q.worker());
        if (q.request.type == dns::rr::kPtr) return reverse(table, q);
        if (longest_zone(options_.zones, q.request.lower) == nullptr) return Step::next;
        const auto* addresses = table.find(q.request.lower);
        if (addresses == nullptr) return unknown(q);
        if (q.request.type == dns::rr::kA) add(q, addresses->v4);
        if (q.request.type == dns::rr::kAaaa) add(q, addresses->v6);
        q.reply.aa = true;
        return Step::done;
    }

    std::string explain() const override {
        return fmt::format("{}, {} names and addresses", options_.path,
                           shared_->table.get()->entries());
    }

  private:
    void add(Query& q, const std::vector<net::Ip>& addresses) const {
        for (const auto& ip : addresses) {
            q.add_address(q.reply.answer, q.asked_name(), options_.ttl, ip);
        }
    }

    Step unknown(Query& q) const {
        if (longest_zone(options_.fallthrough, q.request.lower) != nullptr) return Step::next;
        // There is no SOA to deny the name with.
        return q.failed(dns::rcode::kServFail);
    }

    Step reverse(const HostsTable& table, Query& q) const {
        const auto ip = address_of_reverse(q.request.lower);
        const auto names = ip ? table.names(*ip) : std::span<const std::string>();
        if (names.empty()) return Step::next;
        for (const auto& name : names) {
            const Bytes wire(reinterpret_cast<const uint8_t*>(name.data()), name.size());
            q.reply.answer.push_back({.owner = q.asked_name(),
                                      .type = dns::rr::kPtr,
                                      .ttl = options_.ttl,
                                      .rdata = q.arena().copy(wire)});
        }
        q.reply.aa = true;
        return Step::done;
    }

    Options options_;
    std::shared_ptr<Shared> shared_;
    ReloadedFile file_;
};

/// A line of the block that is no option: an address and names.
Result<void> take_line(Setup& setup, Dispenser& d, const OptionTable& table, Options& options) {
    const std::string first = d.val();
    const auto names = d.remaining_args();
    const auto ip = net::Ip::parse(first.substr(0, first.find('%')));
    if (names.empty() || (!ip && !nearest_word(first, table.names()).empty())) {
        return table.unknown(d, first);
    }
    if (!ip) {
        setup.warn(fmt::format("{}: \"{}\" is not an address, the line is passed over",
                               d.place().str(), first));
        return {};
    }
    options.inline_lines += fmt::format("{} {}\n", first, fmt::join(names, " "));
    return {};
}

Result<void> read_options(Setup& setup, Dispenser& d, Options& options) {
    OptionTable table;
    table.number("ttl", options.ttl, 1, 65535, "TTL of the answers, in seconds.");
    table.flag("no_reverse", options.no_reverse, "No PTR records for the addresses.");
    table.duration("reload", options.reload, Nanoseconds(0), std::chrono::hours(24 * 365),
                   "How often the file is looked at, besides when the system tells of a change. "
                   "0: never.");
    fallthrough_option(
        table, setup, options.fallthrough, {Name()},
        "Names that are not there go to the next plugin; with zones, those below them.");
    table.otherwise([&](Dispenser& in) { return take_line(setup, in, table, options); });
    return table.read_block(d);
}

}  // namespace

Result<void> setup_hosts(Setup& setup) {
    Options options;
    auto& d = setup.tokens();
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        auto words = d.remaining_tokens();
        if (!words.empty()) {
            options.path = setup.path(words.front().text);
            words.erase(words.begin());
        }
        auto zones = setup.zones_or_own(words);
        if (!zones) return tl::unexpected(zones.error());
        options.zones = std::move(*zones);
        if (auto read = read_options(setup, d, options); !read) return read;
    }
    const auto path = options.path;
    auto hosts = std::make_unique<Hosts>(std::move(options), setup.metrics());
    if (!hosts->read_now()) setup.warn("File does not exist: " + path);
    setup.add(std::move(hosts));
    return {};
}

}  // namespace ipref::resolver
