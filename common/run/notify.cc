// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/run/environment.h"
#include "common/run/fd.h"

namespace ipref::run {

namespace {

/// Bytes of an SCM_RIGHTS message with these descriptors.
std::vector<char> rights(std::span<const int> fds) {
    std::vector<char> bytes(CMSG_LEN(0));
    cmsghdr header{};
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(bytes.data(), &header, sizeof header);
    const auto* from = reinterpret_cast<const char*>(fds.data());
    bytes.insert(bytes.end(), from, from + fds.size_bytes());
    bytes.resize(CMSG_SPACE(fds.size_bytes()));
    return bytes;
}

}  // namespace

bool notify(std::string_view state, std::span<const int> fds) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr) return true;
    const size_t length = std::strlen(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';  // abstract socket
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return false;
    iovec bytes{const_cast<char*>(state.data()), state.size()};  // sendmsg only reads it
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    auto control = fds.empty() ? std::vector<char>() : rights(fds);
    message.msg_control = control.empty() ? nullptr : control.data();
    message.msg_controllen = control.size();
    return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(state.size());
}

bool notify_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return notify(
        fmt::format("RELOADING=1\nMONOTONIC_USEC={}{:06}", now.tv_sec, now.tv_nsec / 1000));
}

std::optional<Milliseconds> watchdog_period() {
    const auto pid = environment_number<pid_t>("WATCHDOG_PID");
    const auto microseconds = environment_number<uint64_t>("WATCHDOG_USEC");
    if (!microseconds || *microseconds < 2000 || (pid && *pid != ::getpid())) return std::nullopt;
    return Milliseconds(*microseconds / 2000);
}

}  // namespace ipref::run
