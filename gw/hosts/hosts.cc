// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/hosts/hosts.h"

#include <utility>

#include "common/run/log.h"
#include "gw/hosts/parser.h"

namespace ipref::gw {

namespace {

constexpr size_t kErrorLines = 20;  // the rest is told by number

}  // namespace

HostsFileOwner::HostsFileOwner(run::Loop& loop, std::string path, Table& table)
    : path_(std::move(path)), table_(table), watcher_(loop, path_, [this] { load(); }) {
    load();
    // What another file said at an earlier start is not said any more.
    for (const auto& owner : table_.owners()) {
        if (owner.name.starts_with(hosts_file_owner("")) && owner.name != hosts_file_owner(path_)) {
            table_.withdraw(owner.name);
        }
    }
}

void HostsFileOwner::load() {
    const auto file = read_hosts(path_, table_.config());
    if (!file) {
        problem_ = fmt::format("{}; {}", file.error().text,
                               loaded_ ? "the last good set stays in force"
                                       : "nothing is mapped by it until it is there");
        run::log_warning("HOSTS {}", problem_);
        return;
    }
    for (size_t i = 0; i < file->errors.size() && i < kErrorLines; i++) {
        run::log_error("HOSTS {}", file->errors[i]);
    }
    if (file->errors.size() > kErrorLines) {
        run::log_error("HOSTS {}: {} more errors, see them all with -check", path_,
                       file->errors.size() - kErrorLines);
    }
    const OwnerName owner{.name = hosts_file_owner(path_), .expires = false, .priority = true};
    const SetOutcome outcome = table_.replace(owner, file->mappings, std::nullopt);
    for (const auto& reason : outcome.reasons) run::log_error("HOSTS {}: {}", path_, reason);
    loaded_ = true;
    if (run::log_enabled(run::Topic::hosts)) {
        for (const auto& each : file->mappings) {
            run::log_debug(run::Topic::hosts, "HOSTS {}: {} = {}", path_, each.ip.str(),
                           each.ipref.str());
        }
    }
    const size_t refused = outcome.rejected + file->errors.size();
    problem_ = refused == 0 ? ""
                            : fmt::format("hosts file {}: {} refused, ipref-gw -check names them",
                                          path_, run::counted(refused, "line"));
    run::log_info("HOSTS {}: {}{}", path_,
                  run::counted(file->mappings.size() - outcome.rejected, "mapping"),
                  refused == 0 ? "" : fmt::format(", {} refused", refused));
}

}  // namespace ipref::gw
