// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/listen_fds.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "unit/catch.h"

using namespace ipref::run;

namespace {

/// Runs `check` in a child that has 3, 4 and 5 free for descriptors; whether it returned true.
template <typename Check>
bool in_child(const char* count, const char* names, const char* pid, Check check) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (int fd = 3; fd < 6; fd++) ::close(fd);
        ::dup2(0, 3);
        ::dup2(1, 4);
        ::setenv("LISTEN_PID", pid != nullptr ? pid : std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDS", count, 1);
        ::setenv("LISTEN_FDNAMES", names, 1);
        const auto fds = take_listen_fds();
        const bool cleared = std::getenv("LISTEN_FDS") == nullptr;
        ::_exit(check(fds) && cleared ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

using Fds = std::vector<NamedFd>;

}  // namespace

TEST_CASE("descriptors of the service manager come with their names", "[listen_fds]") {
    CHECK(in_child("2", "tun-0:dns", nullptr, [](const Fds& fds) {
        return fds.size() == 2 && fds[0].name == "tun-0" && fds[0].fd.get() == 3 &&
               fds[1].name == "dns" && fds[1].fd.get() == 4 &&
               (::fcntl(4, F_GETFD) & FD_CLOEXEC) != 0;
    }));
}

TEST_CASE("names that are missing, and descriptors that are, are no harm", "[listen_fds]") {
    CHECK(in_child("3", "one", nullptr, [](const Fds& fds) {
        return fds.size() == 2 && fds[0].name == "one" && fds[1].name == "unknown";
    }));
    CHECK(in_child("2000000000", "", nullptr, [](const Fds& fds) { return fds.size() >= 2; }));
    for (const char* count : {"0", "-1", "two", ""}) {
        CHECK(in_child(count, "a:b", nullptr, [](const Fds& fds) { return fds.empty(); }));
    }
}

TEST_CASE("descriptors meant for another process are left alone", "[listen_fds]") {
    CHECK(in_child("2", "a:b", "1",
                   [](const Fds& fds) { return fds.empty() && ::fcntl(3, F_GETFD) >= 0; }));
}

TEST_CASE("what is kept goes to the manager with its name, and is forgotten by it",
          "[listen_fds]") {
    const auto name = fmt::format("@ipref-store-test-{}", ::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const Fd manager(::socket(AF_UNIX, SOCK_DGRAM, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);

    const Fd kept(::memfd_create("kept", 0));
    const FdStore store;
    store.keep("tun-0", kept.get());
    store.forget("tun-1");
    ::unsetenv("NOTIFY_SOCKET");

    std::array<char, 256> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto size = ::recvmsg(manager.get(), &message, MSG_DONTWAIT);
    REQUIRE(size > 0);
    CHECK(std::string_view(text.data(), static_cast<size_t>(size)) ==
          "FDSTORE=1\nFDPOLL=0\nFDNAME=tun-0");
    const auto* header = CMSG_FIRSTHDR(&message);
    REQUIRE(header != nullptr);
    REQUIRE(header->cmsg_type == SCM_RIGHTS);
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    const Fd got(number);
    struct stat sent {};
    struct stat received {};
    REQUIRE(::fstat(kept.get(), &sent) == 0);
    REQUIRE(::fstat(got.get(), &received) == 0);
    CHECK(sent.st_ino == received.st_ino);
    size = ::recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT);
    REQUIRE(size > 0);
    CHECK(std::string_view(text.data(), static_cast<size_t>(size)) ==
          "FDSTOREREMOVE=1\nFDNAME=tun-1");
}

TEST_CASE("the store gives each descriptor once, and closes what nobody takes", "[listen_fds]") {
    std::vector<NamedFd> given;
    const int rest = ::dup(0);
    given.push_back({"a", Fd(::dup(0))});
    given.push_back({"b", Fd(rest)});
    FdStore store(std::move(given));
    CHECK_FALSE(store.take("c"));
    CHECK(store.take("a"));
    CHECK_FALSE(store.take("a"));
    CHECK(store.forget_rest() == std::vector<std::string>{"b"});
    CHECK(::fcntl(rest, F_GETFD) == -1);
    CHECK(store.given().empty());
}
