// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "common/result.h"
#include "common/run/fd.h"
#include "common/run/log.h"
#include "common/run/system_calls.h"

namespace ipref::run {

namespace {

Result<void> drop_capabilities() {
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // Needs CAP_SETPCAP, which root has; without it, no_new_privs keeps them from coming back.
    for (int one = 0; ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; one++) {
        (void)::prctl(PR_CAPBSET_DROP, one, 0, 0, 0);
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) {
        return fail("capabilities cannot be given up: {}", std::strerror(errno));
    }
    return {};
}

// Of the ABI that they came with; the headers may be older than the kernel.
constexpr uint64_t kRefer = 1U << 13;     // 2
constexpr uint64_t kTruncate = 1U << 14;  // 3

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kExecute = 0;  // the sanitizer runs a symbolizer
#else
constexpr uint64_t kExecute = LANDLOCK_ACCESS_FS_EXECUTE;
#endif

constexpr uint64_t kChange = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK;
constexpr uint64_t kNowhere = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                              LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                              LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

Result<void> allow(int ruleset, const std::string& path, uint64_t access) {
    const Fd parent(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!parent) return fail("{}: {}", path, std::strerror(errno));
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = parent.get();
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        return fail("{}: {}", path, std::strerror(errno));
    }
    return {};
}

/// Returns the ABI.
Result<long> restrict_files(const std::vector<std::string>& writable) {
    const long abi =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return fail("this kernel has no Landlock, which came with Linux 5.13 and may be off: {}",
                    std::strerror(errno));
    }
    uint64_t change = kChange;
    if (abi >= 3) change |= kTruncate;
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = change | kNowhere | kExecute | (abi >= 2 ? kRefer : 0);
    const Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes,
                                                sizeof(attributes.handled_access_fs), 0)));
    if (!ruleset) return fail("Landlock: {}", std::strerror(errno));
    for (const auto& directory : writable) {
        if (auto done = allow(ruleset.get(), directory, change); !done) {
            return fail("Landlock, {}", done.error().text);
        }
    }
    constexpr uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE;
    (void)allow(ruleset.get(), "/dev/null", abi >= 3 ? kWrite | kTruncate : kWrite);
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
        return fail("Landlock: {}", std::strerror(errno));
    }
    return abi;
}

size_t threads() {
    std::error_code ignored;
    const auto tasks = std::filesystem::directory_iterator("/proc/self/task", ignored);
    return ignored ? 1 : static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

}  // namespace

Confined confine(const Confinement& to) {
    Confined out;
    if (const auto count = threads(); count > 1) {
        out.missing.push_back(
            fmt::format("{} threads that were there before keep their privileges", count - 1));
    }
    // seccomp and Landlock ask for it.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        out.missing.push_back(fmt::format("no_new_privs: {}", std::strerror(errno)));
    }
    if (auto done = drop_capabilities(); done) {
        out.in_force.push_back("no capabilities");
    } else {
        out.missing.push_back(done.error().text);
    }
    if (auto abi = restrict_files(to.writable); abi) {
        out.in_force.push_back(fmt::format("Landlock (ABI {})", *abi));
    } else {
        out.missing.push_back(abi.error().text);
    }
    if (auto done = restrict_system_calls(); done) {
        out.in_force.push_back("seccomp");
    } else {
        out.missing.push_back(done.error().text);
    }
    return out;
}

void confine_and_log(const Confinement& to) {
    const auto done = confine(to);
    if (!done.in_force.empty()) log_info("sandbox: {}", fmt::join(done.in_force, ", "));
    for (const auto& why : done.missing) log_warning("sandbox: {}; going on without", why);
}

}  // namespace ipref::run
