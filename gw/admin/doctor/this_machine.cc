// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>

#include "common/run/fd.h"
#include "gw/admin/doctor/outside.h"

namespace ipref::gw::admin {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kMostRead = 1 << 20;
constexpr milliseconds kProgramTime{5000};
constexpr milliseconds kDnsTime{2000};

int left_of(Clock::time_point until) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
    return static_cast<int>(std::max(left, milliseconds(0)).count());
}

/// What a descriptor gives until its end, or until the time is over.
std::optional<std::string> read_all(int fd, Clock::time_point until) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() < kMostRead) {
        pollfd one{fd, POLLIN, 0};
        const int ready = ::poll(&one, 1, left_of(until));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return std::nullopt;
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0) return std::nullopt;
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<size_t>(got));
    }
    return text;
}

/// By /etc/group: what is linked statically cannot ask the system's other sources.
std::string group_name(gid_t gid) {
    std::ifstream file("/etc/group");
    const std::string number = fmt::format(":{}:", gid);
    std::string line;
    while (std::getline(file, line)) {
        const auto name = line.find(':');  // "name:password:number:members"
        const auto password = name == std::string::npos ? name : line.find(':', name + 1);
        if (password == std::string::npos) continue;
        if (line.compare(password, number.size(), number) == 0) return line.substr(0, name);
    }
    return std::to_string(gid);
}

/// Inode of a socket on the port, of /proc/net/udp or udp6.
std::string socket_on(const std::string& table, uint16_t port) {
    std::ifstream file(table);
    const std::string wanted = fmt::format(":{:04X}", port);
    std::string line;
    while (std::getline(file, line)) {
        // "  12: 0100007F:0415 00000000:0000 07 tx:rx tr:when retrnsmt uid timeout inode ..."
        std::array<char, 64> local{};
        unsigned long inode = 0;
        if (std::sscanf(line.c_str(), "%*s %63s %*s %*s %*s %*s %*s %*s %*s %lu", local.data(),
                        &inode) != 2) {
            continue;
        }
        if (std::string_view(local.data()).ends_with(wanted)) {
            return fmt::format("socket:[{}]", inode);
        }
    }
    return {};
}

bool has_descriptor(const std::string& process, const std::string& link) {
    const auto folder = process + "/fd";
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (!open) return false;
    while (const dirent* entry = ::readdir(open.get())) {
        std::array<char, 64> target{};
        const auto path = folder + "/" + entry->d_name;
        const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
        if (size > 0 && link == std::string_view(target.data(), static_cast<size_t>(size))) {
            return true;
        }
    }
    return false;
}

/// Where administrators' programs stand, whatever PATH this one was given.
std::string program_of(const std::string& name) {
    for (const auto* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/usr/local/sbin/"}) {
        if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
    }
    return {};
}

/// With its standard output going to `output`; 0 if there is no such program.
pid_t spawn(const std::vector<std::string>& command, int output) {
    const auto program = program_of(command.front());
    if (program.empty()) return 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::string path = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
    std::array<char*, 2> environment{path.data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(),
                                    environment.data());
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? pid : 0;
}

class ThisMachine final : public Outside {
  public:
    std::optional<std::string> read(const std::string& path) override {
        std::ifstream file(path, std::ios::binary);
        if (!file) return std::nullopt;
        std::string text(kMostRead, '\0');
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<size_t>(file.gcount()));
        if (file.bad()) return std::nullopt;
        return text;
    }

    std::optional<FileInfo> file(const std::string& path) override {
        struct stat found {};
        if (::stat(path.c_str(), &found) != 0) return std::nullopt;
        return FileInfo{found.st_mode, group_name(found.st_gid)};
    }

    int open(const std::string& path) override {
        const run::Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        return fd ? 0 : errno;
    }

    std::optional<Interface> interface(const std::string& name) override {
        const run::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return std::nullopt;
        Interface found{.up = (request.ifr_flags & IFF_UP) != 0};
        if (::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) return std::nullopt;
        found.mtu = static_cast<uint32_t>(request.ifr_mtu);
        return found;
    }

    int bind_udp(const net::Endpoint& at) override {
        const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
        const run::Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (!fd) return errno;
        const int on = 1;
        if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        sockaddr_storage address{};
        const auto size = at.to(address);
        return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 ? 0 : errno;
    }

    std::optional<Owner> udp_owner(uint16_t port) override {
        std::string link = socket_on("/proc/net/udp", port);
        if (link.empty()) link = socket_on("/proc/net/udp6", port);
        if (link.empty()) return std::nullopt;
        const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc"), ::closedir);
        while (all) {
            const dirent* entry = ::readdir(all.get());
            if (entry == nullptr) break;
            const pid_t pid = std::atoi(entry->d_name);
            const auto process = fmt::format("/proc/{}", entry->d_name);
            if (pid <= 0 || !has_descriptor(process, link)) continue;
            auto name = read(process + "/comm").value_or("");
            while (name.ends_with('\n')) name.pop_back();
            return Owner{pid, name};
        }
        return std::nullopt;
    }

    std::optional<std::string> run(const std::vector<std::string>& command) override {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
        const run::Fd reading(ends[0]);
        run::Fd writing(ends[1]);
        const pid_t pid = spawn(command, writing.get());
        if (pid == 0) return std::nullopt;
        writing.reset();
        auto text = read_all(reading.get(), Clock::now() + kProgramTime);
        if (!text) ::kill(pid, SIGKILL);
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
        return text;
    }

    bool dns_answers(const net::Endpoint& server) override {
        const int family = server.ip.is_v4() ? AF_INET : AF_INET6;
        const run::Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_storage address{};
        const auto size = server.to(address);
        if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
            return false;
        }
        // RFC 1035: a question for the root's NS records, recursion desired.
        std::array<uint8_t, 17> query{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
        if (::getrandom(query.data(), 2, 0) != 2) return false;
        if (::send(fd.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) return false;
        const auto until = Clock::now() + kDnsTime;
        while (left_of(until) > 0) {
            pollfd one{fd.get(), POLLIN, 0};
            if (::poll(&one, 1, left_of(until)) <= 0) continue;
            std::array<uint8_t, 512> answer{};
            const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
            if (got < 0) return false;  // no server there
            const bool same = std::equal(query.begin(), query.begin() + 2, answer.begin());
            if (got >= 12 && same && (answer[2] & 0x80) != 0) return true;
        }
        return false;
    }

    WallClock clock() override {
        timex told{};
        const int state = ::adjtimex(&told);
        return {std::time(nullptr), state >= 0 && state != TIME_ERROR};
    }
};

}  // namespace

std::unique_ptr<Outside> this_machine() {
    return std::make_unique<ThisMachine>();
}

}  // namespace ipref::gw::admin
