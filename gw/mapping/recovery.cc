// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/recovery.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/run/log.h"
#include "gw/mapping/expiry.h"
#include "gw/mapping/lmdb.h"
#include "gw/mapping/rcu.h"

namespace ipref::gw {

namespace {

/// A path beside `path` that is not taken.
std::string aside_path(const std::string& path) {
    const std::string base = fmt::format("{}.damaged-{}", path, wall_time());
    std::string name = base;
    for (int i = 1; std::filesystem::exists(name); i++) name = fmt::format("{}-{}", base, i);
    return name;
}

}  // namespace

Result<std::unique_ptr<Database>> open_database(const std::string& path, StoreOpened& opened) {
    std::string why = "its pages or records are damaged";
    if (database_is_sound(path)) {
        auto database = Database::open(path);
        if (database) return std::move(*database);
        if (!database.error().damaged) {
            return fail("database {}: {}; -data must name a folder that this user may write to",
                        path, database.error().text);
        }
        why = database.error().text;
    }
    opened.set_aside = aside_path(path);
    if (rename(path.c_str(), opened.set_aside.c_str()) != 0) {
        return fail("database {}: damaged ({}), and cannot be renamed: {}", path, why,
                    std::strerror(errno));
    }
    unlink((path + "-lock").c_str());
    run::log_error("STORE database {} is damaged ({}): set aside as {}, starting empty", path, why,
                   opened.set_aside);
    auto made = Database::open(path);
    if (!made) return fail("database {}: cannot be made: {}", path, made.error().text);
    return std::move(*made);
}

bool restore(const Disk& disk, Table& table, Clock& clock, StoreOpened& opened) {
    opened.time = disk.time();
    clock.set(opened.time);
    table.reserve(disk.count(Relation::remote), disk.count(Relation::local));
    const RcuOnline online;  // once, instead of for each
    return disk.read([&](const auto& owner) { table.restore(owner); },
                     [&](const auto& mapping) {
                         table.restore(mapping) ? opened.mappings++ : opened.dropped++;
                     });
}

}  // namespace ipref::gw
