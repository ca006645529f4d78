// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "unit/catch.h"

using namespace ipref::run;

namespace {

/// A folder that is removed in the end.
struct Folder {
    std::string path = "/tmp/ipref-sandbox-XXXXXX";
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
};

/// Whether `check` is true in a child that has been confined.
template <typename Check>
bool confined(const Confinement& to, Check check) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto done = confine(to);
        ::_exit(check(done) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool has(const std::vector<std::string>& list, std::string_view what) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& each) { return each.starts_with(what); });
}

/// Made, and removed again.
bool can_make(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ::close(fd);
    return ::unlink(path.c_str()) == 0;
}

}  // namespace

TEST_CASE("capabilities are gone, and what is in force is told", "[sandbox]") {
    CHECK(confined({}, [](const Confined& done) {
        return has(done.in_force, "no capabilities") && has(done.in_force, "seccomp") &&
               ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
               ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 && ::sethostname("x", 1) != 0;
    }));
}

TEST_CASE("system calls that are not needed fail", "[sandbox]") {
    CHECK(confined({}, [](const Confined&) {
        const bool packet = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 && errno == ENOSYS;
        const bool spaces = ::unshare(CLONE_NEWUSER) != 0 && errno == ENOSYS;
        const bool udp = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
        return packet && spaces && udp;
    }));
    CHECK(confined({}, [](const Confined&) {
        void* code = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void* data =
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return code == MAP_FAILED && data != MAP_FAILED &&
               ::mprotect(data, 4096, PROT_READ | PROT_EXEC) != 0;
    }));
}

TEST_CASE("threads can be started, and are confined", "[sandbox]") {
    CHECK(confined({}, [](const Confined&) {
        bool inherited = false;
        std::thread([&] { inherited = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2; }).join();
        return inherited;
    }));
}

TEST_CASE("files are made and changed in the given folders alone", "[sandbox]") {
    const Folder mine;
    const Folder other;
    CHECK(confined({.writable = {mine.path}}, [&](const Confined& done) {
        const bool old_kernel = has(done.missing, "this kernel has no Landlock");
        return can_make(mine.path + "/file") && (old_kernel || !can_make(other.path + "/file")) &&
               ::access(other.path.c_str(), R_OK) == 0 &&
               ::open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0;
    }));
}

TEST_CASE("a folder that is not there is told, and the rest is in force", "[sandbox]") {
    CHECK(confined({.writable = {"/nowhere/at/all"}}, [](const Confined& done) {
        return done.missing.size() == 1 &&
               (has(done.missing, "Landlock, /nowhere") || has(done.missing, "this kernel")) &&
               has(done.in_force, "seccomp");
    }));
}

TEST_CASE("a thread that is there before is told of", "[sandbox]") {
    const pid_t child = ::fork();
    if (child == 0) {
        std::atomic<bool> end = false;
        std::thread other([&] { end.wait(false); });
        const bool told = has(confine({}).missing, "1 threads");
        end = true;
        end.notify_all();
        other.join();
        ::_exit(told ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
