// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/bolt/import.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/run/fd.h"
#include "common/run/log.h"
#include "gw/mapping/allocator.h"
#include "gw/mapping/rcu.h"

namespace ipref::gw::bolt {

namespace {

constexpr size_t kReasons = 8;
constexpr size_t kLongestName = 512;         // "LOCAL:PUBLIC", or a path
constexpr size_t kLargestFile = 2ULL << 30;  // of many millions of mappings

/// Who wins where two claim the same, the greater; and among a host's references the newer.
enum class Rank : uint8_t { dynamic, agent, hosts_file };

Rank rank_of(const std::string& owner) {
    if (owner == kMapper) return Rank::dynamic;
    return owner.starts_with('/') ? Rank::hosts_file : Rank::agent;
}

uint64_t serial_of(const Mapping& mapping, Rank rank) {
    return uint64_t{static_cast<uint8_t>(rank)} << 32 | mapping.mark;
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Imported Importer::take(const Contents& contents) {
    Imported imported;
    const RcuOnline online;  // once, instead of for each
    take_live(contents, imported);
    let_rest(contents);
    return imported;
}

void Importer::take_live(const Contents& contents, Imported& imported) {
    const auto& mappings = contents.mappings;
    table_.reserve(mappings.size(), mappings.size());
    for (const auto rank : {Rank::hosts_file, Rank::agent, Rank::dynamic}) {
        for (const auto& mapping : mappings) {
            const std::string& owner = contents.owners.at(mapping.owner);
            if (rank_of(owner) != rank) continue;
            if (!mapping.live) {
                imported.over++;
            } else if (const auto why = take_one(mapping, owner)) {
                imported.refused++;
                if (imported.reasons.size() >= kReasons) continue;
                imported.reasons.push_back(
                    fmt::format("{} = {}: {}", mapping.ip.str(), mapping.ipref.str(), *why));
            } else {
                (mapping.relation == Relation::remote ? imported.remote : imported.local)++;
            }
        }
    }
}

std::optional<std::string> Importer::take_one(const Mapping& mapping, const std::string& owner) {
    const auto relation = mapping.relation;
    const auto& ip = mapping.ip;
    const auto& ipref = mapping.ipref;
    const Rank rank = rank_of(owner);
    if (auto why = table_.unfit({relation, ip, ipref})) return why;
    if (relation == Relation::remote &&
        (table_.theirs(ip) || table_.known_ea(ipref, ip.family()))) {
        return "another mapping holds one of the two";
    }
    const net::Ip* ours = table_.config().gateway(ipref.ip.family());
    if (relation == Relation::local && rank == Rank::dynamic && ipref.ip != *ours) {
        return "its context address is not this gateway's";
    }
    if (rank != Rank::dynamic && statics_ >= table_.config().limits.statics) {
        return "too many static mappings";
    }
    const auto id = owner_for(owner);
    if (!id) return "its owner has no proper name, or there are too many";
    const MappingRecord record{.relation = relation,
                               .ip = ip,
                               .ipref = ipref,
                               .owner = *id,
                               .used = clock_.now(),
                               .serial = serial_of(mapping, rank)};
    if (!table_.restore(record)) return "another mapping holds the reference";
    statics_ += rank == Rank::dynamic ? 0 : 1;
    return std::nullopt;
}

std::optional<OwnerId> Importer::owner_for(const std::string& name) {
    const Rank rank = rank_of(name);
    if (rank == Rank::dynamic) return kDynamic;
    if (const auto known = owners_.find(name); known != owners_.end()) return known->second;
    if (!is_name(name) || owners_.size() >= table_.config().limits.owners) return std::nullopt;
    const auto id = static_cast<OwnerId>(kGatewayItself + 1 + owners_.size());
    OwnerRecord owner;
    owner.id = id;
    owner.name = rank == Rank::hosts_file ? hosts_file_owner(name) : name;
    owner.expires = rank == Rank::agent;
    owner.confirmed = clock_.now();
    if (!table_.restore(owner)) return std::nullopt;
    owners_[name] = id;
    return id;
}

// Who still remembers the number must not find somebody else behind it.
void Importer::let_rest(const Contents& contents) {
    for (const auto& mapping : contents.mappings) {
        if (mapping.live || contents.owners.at(mapping.owner) != kMapper) continue;
        const net::Ip* ours = table_.config().gateway(mapping.ipref.ip.family());
        const bool free =
            mapping.relation == Relation::remote
                ? !table_.theirs(mapping.ip)
                : ours != nullptr && *ours == mapping.ipref.ip && !table_.host(mapping.ipref);
        if (!free) continue;
        table_.restore(MappingRecord{.relation = mapping.relation,
                                     .resting = true,
                                     .ip = mapping.ip,
                                     .ipref = mapping.ipref,
                                     .used = clock_.now()});
    }
}

namespace {

struct File {
    const char* name;
    Families families;
};

constexpr std::array<File, 4> kFiles = {{
    {"mapper_ea4_gw4.db", {net::Family::v4, net::Family::v4}},
    {"mapper_ea4_gw6.db", {net::Family::v4, net::Family::v6}},
    {"mapper_ea6_gw4.db", {net::Family::v6, net::Family::v4}},
    {"mapper_ea6_gw6.db", {net::Family::v6, net::Family::v6}},
}};

/// A lock keeps a gateway that writes it out meanwhile.
Result<std::vector<uint8_t>> contents_of(const std::string& path) {
    const auto unreadable = [&path](const char* why) {
        return fail(
            "{}, mappings of the gateway before this one: {}; let this user read it, or "
            "move it away to start without them",
            path, why);
    };
    const run::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return unreadable(std::strerror(errno));
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) return unreadable(std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return unreadable("not a file");
    const auto size = static_cast<size_t>(status.st_size);
    if (size > kLargestFile) return unreadable("larger than 2 GB");
    if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
        return fail("{}: another gateway is running with it; stop that one first", path);
    }
    std::vector<uint8_t> bytes(size);
    size_t have = 0;
    while (have < size) {
        const ssize_t got =
            pread(fd.get(), bytes.data() + have, size - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unreadable(std::strerror(errno));
        if (got == 0) break;
        have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

void report(const std::string& path, const Imported& imported) {
    run::log_info("STORE {}: imported {} and {} of the gateway before this one{}{}", path,
                  run::counted(imported.remote, "remote mapping"),
                  run::counted(imported.local, "local mapping"),
                  imported.over == 0 ? "" : fmt::format(", {} had expired", imported.over),
                  imported.refused == 0 ? "" : fmt::format(", {} refused", imported.refused));
    for (const auto& reason : imported.reasons) run::log_warning("STORE {}: {}", path, reason);
    if (imported.refused > imported.reasons.size()) {
        run::log_warning("STORE {}: {} more refused", path,
                         imported.refused - imported.reasons.size());
    }
}

}  // namespace

Result<bool> import_files(const std::string& directory, Table& table, const Clock& clock) {
    Importer importer(table, clock);
    bool any = false;
    for (const auto& file : kFiles) {
        const std::string path = (std::filesystem::path(directory) / file.name).string();
        if (access(path.c_str(), F_OK) != 0) continue;
        const auto bytes = contents_of(path);
        if (!bytes) return tl::unexpected(bytes.error());
        any = true;
        const auto contents = parse(*bytes, file.families);
        if (contents) {
            report(path, importer.take(*contents));
            continue;
        }
        run::log_error(
            "STORE {}: cannot be imported, it is damaged ({}); starting without it; to "
            "try again with a good copy, remove mapper.lmdb first",
            path, contents.error().text);
    }
    return any;
}

}  // namespace ipref::gw::bolt
