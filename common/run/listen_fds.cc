// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/listen_fds.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "common/run/environment.h"
#include "common/run/notify.h"

namespace ipref::run {

namespace {

constexpr int kFirst = 3;
constexpr int kMost = 4096;  // what no unit reaches; a wrong number must not keep us busy

std::vector<std::string> split_names(const char* text) {
    std::vector<std::string> names;
    std::string_view rest = text == nullptr ? "" : text;
    while (!rest.empty()) {
        const auto colon = rest.find(':');
        names.emplace_back(rest.substr(0, colon));
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
    }
    return names;
}

}  // namespace

std::vector<NamedFd> take_listen_fds() {
    const auto pid = environment_number<pid_t>("LISTEN_PID");
    const auto count = environment_number<int>("LISTEN_FDS");
    auto names = split_names(std::getenv("LISTEN_FDNAMES"));
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
    std::vector<NamedFd> out;
    if (!pid || *pid != ::getpid() || !count || *count < 1) return out;
    names.resize(static_cast<size_t>(std::min(*count, kMost)), "unknown");
    int fd = kFirst;
    for (auto& name : names) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags >= 0) {
            ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
            out.push_back({std::move(name), Fd(fd)});
        }
        fd++;
    }
    return out;
}

Fd FdStore::take(std::string_view name) {
    const auto at = std::find_if(given_.begin(), given_.end(),
                                 [&](const NamedFd& each) { return each.name == name; });
    if (at == given_.end()) return Fd();
    Fd fd = std::move(at->fd);
    given_.erase(at);
    return fd;
}

void FdStore::keep(std::string_view name, int fd) const {
    notify(fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name), {&fd, 1});
}

void FdStore::forget(std::string_view name) const {
    notify(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name));
}

std::vector<std::string> FdStore::forget_rest() {
    std::vector<std::string> names;
    for (const auto& each : given_) {
        names.push_back(each.name);
        forget(each.name);
    }
    given_.clear();
    return names;
}

}  // namespace ipref::run
