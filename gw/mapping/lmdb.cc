// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/lmdb.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

namespace ipref::gw {

namespace {

// Address space, not memory or disk: the file grows as needed.
constexpr size_t kMapSize =
    sizeof(size_t) >= 8 ? static_cast<size_t>(uint64_t{16} << 30) : size_t{512} << 20;
constexpr std::string_view kFormat = "format";
constexpr mdb_mode_t kMode = 0640;
constexpr size_t kTouched = 4'096;  // records read or written before pages are let go

class Transaction {
  public:
    Transaction(MDB_env* env, unsigned flags) {
        status_ = mdb_txn_begin(env, nullptr, flags, &txn_);
    }
    ~Transaction() {
        if (txn_ != nullptr) mdb_txn_abort(txn_);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    int status() const { return status_; }
    MDB_txn* raw() const { return txn_; }
    int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

  private:
    MDB_txn* txn_ = nullptr;
    int status_;
};

MDB_val value_of(wire::Bytes bytes) {
    return {bytes.size(), const_cast<uint8_t*>(bytes.data())};
}

wire::Bytes bytes_of(const MDB_val& value) {
    return {static_cast<const uint8_t*>(value.mv_data), value.mv_size};
}

bool is_damage(int status) {
    switch (status) {
        case MDB_INVALID:
        case MDB_CORRUPTED:
        case MDB_VERSION_MISMATCH:
        case MDB_PAGE_NOTFOUND:
        case MDB_PANIC:
        case MDB_NOTFOUND:
        case MDB_INCOMPATIBLE:
        case MDB_BAD_DBI:
        case MDB_BAD_VALSIZE:
            return true;
        default:
            return false;
    }
}

DatabaseError error_of(int status) {
    return {is_damage(status), mdb_strerror(status)};
}

std::optional<uint32_t> number_in(MDB_txn* txn, MDB_dbi table, std::string_view name) {
    MDB_val key{name.size(), const_cast<char*>(name.data())};
    MDB_val value;
    if (mdb_get(txn, table, &key, &value) != 0) return std::nullopt;
    return parse_store_number(name, bytes_of(value));
}

/// `each(key, value)` gives false to stop.
template <typename Function>
bool walk(MDB_txn* txn, MDB_dbi table, Function each) {
    MDB_cursor* cursor = nullptr;
    if (mdb_cursor_open(txn, table, &cursor) != 0) return false;
    MDB_val key;
    MDB_val value;
    int status = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (status == 0 && each(bytes_of(key), bytes_of(value))) {
        status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return status == MDB_NOTFOUND;
}

int put(MDB_txn* txn, const std::array<MDB_dbi, kStoreTables.size()>& tables,
        const StoreItem& item) {
    const MDB_dbi table = tables[static_cast<size_t>(item.table)];
    MDB_val key = value_of(item.key);
    if (item.value.empty()) {
        const int status = mdb_del(txn, table, &key, nullptr);
        return status == MDB_NOTFOUND ? 0 : status;
    }
    MDB_val value = value_of(item.value);
    return mdb_put(txn, table, &key, &value, 0);
}

}  // namespace

tl::expected<std::unique_ptr<Database>, DatabaseError> Database::open(const std::string& path) {
    std::unique_ptr<Database> database(new Database());
    database->path_ = path;
    if (auto started = database->start(); !started) return tl::unexpected(started.error());
    return database;
}

tl::expected<void, DatabaseError> Database::start() {
    if (const int status = mdb_env_create(&env_); status != 0) {
        return tl::unexpected(error_of(status));
    }
    mdb_env_set_maxdbs(env_, kStoreTables.size());
    mdb_env_set_mapsize(env_, kMapSize);
    const int opened = mdb_env_open(env_, path_.c_str(), MDB_NOSUBDIR | MDB_NOTLS, kMode);
    if (opened != 0) return tl::unexpected(error_of(opened));
    if (!whole()) return tl::unexpected(DatabaseError{true, "the file is truncated"});
    return prepare();
}

// Opens the tables, makes them in a new file, checks the format.
tl::expected<void, DatabaseError> Database::prepare() {
    Transaction txn(env_, 0);
    if (txn.status() != 0) return tl::unexpected(error_of(txn.status()));
    MDB_dbi unnamed = 0;
    MDB_stat before{};
    if (mdb_dbi_open(txn.raw(), nullptr, 0, &unnamed) != 0 ||
        mdb_stat(txn.raw(), unnamed, &before) != 0) {
        return tl::unexpected(DatabaseError{true, "its list of tables cannot be read"});
    }
    const bool fresh = before.ms_entries == 0;
    for (size_t i = 0; i < kStoreTables.size(); i++) {
        const int status =
            mdb_dbi_open(txn.raw(), kStoreTables[i], fresh ? MDB_CREATE : 0, &tables_[i]);
        if (status != 0) return tl::unexpected(error_of(status));
    }
    if (fresh) {
        const int status = put(txn.raw(), tables_, store_number(kFormat, kStoreFormat));
        if (status != 0) return tl::unexpected(error_of(status));
    }
    const auto format = number_in(txn.raw(), tables_[0], kFormat);
    if (!format) return tl::unexpected(DatabaseError{true, "it has no format number"});
    if (*format > kStoreFormat) {
        return tl::unexpected(DatabaseError{
            false, fmt::format("it has format {}, this release knows {}: use a newer release, or "
                               "move the file away to start empty",
                               *format, kStoreFormat)});
    }
    if (const int status = txn.commit(); status != 0) {
        return tl::unexpected(error_of(status));
    }
    return {};
}

Database::~Database() {
    if (env_ != nullptr) mdb_env_close(env_);
}

// Pages that the file should have but has not would end the process when they are touched.
bool Database::whole() const {
    MDB_envinfo info{};
    MDB_stat stat{};
    int fd = -1;
    struct stat file {};
    if (mdb_env_info(env_, &info) != 0 || mdb_env_stat(env_, &stat) != 0 ||
        mdb_env_get_fd(env_, &fd) != 0 || fstat(fd, &file) != 0) {
        return false;
    }
    return (info.me_last_pgno + 1) * stat.ms_psize <= static_cast<size_t>(file.st_size);
}

size_t Database::count(Relation relation) const {
    const Transaction txn(env_, MDB_RDONLY);
    const auto table = relation == Relation::remote ? StoreTable::remote : StoreTable::local;
    MDB_stat stat{};
    if (txn.status() != 0 || mdb_stat(txn.raw(), tables_[static_cast<size_t>(table)], &stat) != 0) {
        return 0;
    }
    return stat.ms_entries;
}

// LMDB does not tell where it has mapped the file; the kernel knows, from any value in it.
void Database::let_pages_go() const {
    const Transaction txn(env_, MDB_RDONLY);
    MDB_val key{kFormat.size(), const_cast<char*>(kFormat.data())};
    MDB_val value{};
    if (txn.status() != 0 || mdb_get(txn.raw(), tables_[0], &key, &value) != 0) return;
    const auto inside = reinterpret_cast<uintptr_t>(value.mv_data);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        uintptr_t begin = 0;
        uintptr_t end = 0;
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
        if (inside < begin || inside >= end) continue;
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        return;
    }
}

Seconds Database::time() const {
    const Transaction txn(env_, MDB_RDONLY);
    if (txn.status() != 0) return 0;
    return number_in(txn.raw(), tables_[0], "time").value_or(0);
}

bool Database::read(const OnOwner& on_owner, const OnMapping& on_mapping) const {
    const Transaction txn(env_, MDB_RDONLY);
    if (txn.status() != 0) return false;
    const auto dbi = [&](StoreTable table) { return tables_[static_cast<size_t>(table)]; };
    const bool owners = walk(txn.raw(), dbi(StoreTable::owner), [&](auto key, auto value) {
        const auto owner = parse_owner(key, value);
        if (owner) on_owner(*owner);
        return owner.has_value();
    });
    if (!owners) return false;
    size_t read = 0;
    for (const auto table : {StoreTable::remote, StoreTable::local}) {
        const bool mappings = walk(txn.raw(), dbi(table), [&](auto key, auto value) {
            const auto mapping = parse_mapping(table, key, value);
            if (mapping) on_mapping(*mapping);
            if (++read % kTouched == 0) let_pages_go();
            return mapping.has_value();
        });
        if (!mappings) return false;
    }
    let_pages_go();
    return true;
}

Result<void> Database::write(const Units& units, Seconds time, bool clear) {
    if (env_ == nullptr || failed_) {
        // After a failed write LMDB may refuse all further ones until the file is opened anew.
        if (env_ != nullptr) mdb_env_close(std::exchange(env_, nullptr));
        if (auto started = start(); !started) return fail("{}", started.error().text);
        failed_ = false;
    }
    Transaction txn(env_, 0);
    int status = txn.status();
    for (size_t i = 1; clear && status == 0 && i < tables_.size(); i++) {
        status = mdb_drop(txn.raw(), tables_[i], 0);
    }
    for (const auto& unit : units) {
        touched_ += unit.size();
        for (size_t i = 0; status == 0 && i < unit.size(); i++) {
            status = put(txn.raw(), tables_, store_item(unit[i]));
        }
    }
    if (status == 0) status = put(txn.raw(), tables_, store_number("time", time));
    if (status == 0) status = txn.commit();
    failed_ = status != 0;
    if (failed_) return fail("{}", mdb_strerror(status));
    if (touched_ >= kTouched) {
        touched_ = 0;
        let_pages_go();
    }
    return {};
}

bool database_is_sound(const std::string& path) {
    if (access(path.c_str(), F_OK) != 0) return true;
    const pid_t child = fork();
    if (child < 0) return true;  // no processes left: go on without the check
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        for (const int fault : {SIGBUS, SIGSEGV, SIGABRT}) signal(fault, SIG_DFL);
        const auto database = Database::open(path);
        const bool sound = database ? (*database)->read([](const auto&) {}, [](const auto&) {})
                                    : !database.error().damaged;
        _exit(sound ? 0 : 1);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace ipref::gw
