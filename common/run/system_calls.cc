// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/system_calls.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace ipref::run {

namespace {

// By name: libseccomp knows the numbers of each architecture, and skips what one has not.
constexpr auto kPlain = std::to_array<const char*>({
    // files
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
        "pwritev2", "open", "openat", "openat2", "close", "close_range", "lseek", "_llseek", "stat",
        "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat", "fstatat64", "statx",
        "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2",
        "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "fcntl", "fcntl64", "flock",
        "fsync", "fdatasync", "ftruncate", "ftruncate64", "fallocate", "fadvise64",
        "sync_file_range", "unlink", "unlinkat", "rename", "renameat", "renameat2", "ioctl", "dup",
        "dup2", "dup3", "pipe", "pipe2", "umask", "sendfile", "sendfile64",
        // waiting
        "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
        "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
        "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
        "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
        // network, beside socket
        "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername",
        "getsockopt", "setsockopt", "shutdown", "send", "sendto", "sendmsg", "sendmmsg", "recv",
        "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64",
        // memory, beside mmap and mprotect
        "brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock", "msync", "mincore",
        "membarrier",
        // threads, beside clone
        "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list",
        "set_tid_address", "gettid", "sched_yield", "sched_getaffinity", "sched_setaffinity",
        "sched_getparam", "sched_getscheduler", "rseq", "getcpu", "exit", "exit_group",
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
        "sigaltstack", "sigreturn", "restart_syscall", "prctl", "arch_prctl",
        // who, when, how much
        "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid",
        "getresgid", "capget", "getrusage", "times", "uname", "sysinfo", "getrlimit", "ugetrlimit",
        "setrlimit", "prlimit64", "getrandom", "time", "gettimeofday", "clock_gettime",
        "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
        "clock_nanosleep_time64", "nanosleep",
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        // The search for leaks at the end stops all threads by a tracer; reports run a symbolizer.
        "ptrace", "process_vm_readv", "wait4", "waitid", "kill", "execve", "personality", "fork",
        "vfork", "sched_setscheduler",
#endif
});

constexpr auto kFamilies = std::to_array<int>({AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});

// What clone must not have. clone3 is not listed, because a filter cannot see its flags: the C
// library falls back to clone.
constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
#if defined(__s390x__)
constexpr unsigned kCloneFlags = 1;
#else
constexpr unsigned kCloneFlags = 0;
#endif

class Filter {
  public:
    Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), ::seccomp_release) {
        if (context_ == nullptr) error_ = ENOMEM;
    }

    template <typename... Conditions>
    void allow(const char* name, Conditions... conditions) {
        const int number = ::seccomp_syscall_resolve_name(name);
        if (error_ != 0 || number == __NR_SCMP_ERROR) return;
        const std::array<scmp_arg_cmp, sizeof...(conditions)> list{conditions...};
        const int done = ::seccomp_rule_add_array(context_.get(), SCMP_ACT_ALLOW, number,
                                                  static_cast<unsigned>(list.size()), list.data());
        // -EDOM: this architecture has no such call.
        if (done != 0 && done != -EDOM) error_ = -done;
    }

    Result<void> load() {
        if (error_ == 0) error_ = -::seccomp_load(context_.get());
        if (error_ != 0) return fail("seccomp: {}", std::strerror(error_));
        return {};
    }

  private:
    std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
    int error_ = 0;  // the first
};

}  // namespace

Result<void> restrict_system_calls() {
    Filter filter;
    for (const char* name : kPlain) filter.allow(name);
    for (const int family : kFamilies) {
        const scmp_arg_cmp is{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(family), 0};
        filter.allow("socket", is);
        filter.allow("socketpair", is);
    }
    for (const char* name : {"mmap", "mmap2", "mprotect"}) {
        filter.allow(name, scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
    }
    filter.allow("clone", scmp_arg_cmp{kCloneFlags, SCMP_CMP_MASKED_EQ, kNamespaces, 0});
    filter.allow("tgkill", scmp_arg_cmp{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0});
    return filter.load();
}

}  // namespace ipref::run
