// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/listen.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "common/run/fd.h"

namespace ipref::gw {

namespace {

constexpr int kBacklog = 128;

/// What files are made with in this scope; of the whole process, at start-up only.
class Umask {
  public:
    explicit Umask(mode_t mask) : before_(umask(mask)) {}
    ~Umask() { umask(before_); }
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;

  private:
    mode_t before_;
};

Result<void> make_directory(const std::string& path) {
    const auto directory = std::filesystem::path(path).parent_path();
    if (directory.empty()) return {};
    const Umask mask(0002);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        return fail(
            "directory {} of the mapper socket: {}; make it, or give another "
            "-mapper-socket",
            directory.string(), error.message());
    }
    return {};
}

/// Held while a socket is looked at, removed and made: two gateways that start at once would each
/// find that nobody listens yet, and the second take the first one's place.
class DirectoryLock {
  public:
    explicit DirectoryLock(const std::string& path) {
        auto directory = std::filesystem::path(path).parent_path();
        if (directory.empty()) directory = ".";
        fd_ = run::Fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // Not for ever: any process may hold it.
        for (int i = 0; fd_ && i < kLockTries; i++) {
            if (flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return;
            std::this_thread::sleep_for(kLockAgain);
        }
    }

  private:
    static constexpr int kLockTries = 200;
    static constexpr auto kLockAgain = std::chrono::milliseconds(10);
    run::Fd fd_;
};

int new_socket() {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// Whether somebody listens there; EAGAIN is somebody with a full backlog.
bool is_live(const sockaddr_un& address) {
    const int fd = new_socket();
    if (fd < 0) return true;
    const int status = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int error = errno;
    close(fd);
    return status == 0 || (error != ECONNREFUSED && error != ENOENT);
}

Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) {
        return fail(
            "mapper socket {}: something that is no socket is there; remove it, or give "
            "another -mapper-socket",
            path);
    }
    if (is_live(address)) {
        return fail(
            "mapper socket {}: another gateway serves it; stop that one, or give another "
            "-mapper-socket",
            path);
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail("mapper socket {}: a stale one cannot be removed: {}", path,
                    std::strerror(errno));
    }
    return {};
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail("mapper socket \"{}\": a path has 1 to {} bytes", path,
                    sizeof(address.sun_path) - 1);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    if (auto made = make_directory(path); !made) return tl::unexpected(made.error());
    const DirectoryLock lock(path);
    if (auto removed = remove_stale(path, address); !removed) {
        return tl::unexpected(removed.error());
    }
    ListeningSocket made;
    made.fd_ = new_socket();
    if (made.fd_ < 0) return fail("mapper socket: {}", std::strerror(errno));
    {
        const Umask mask(0117);  // 0660 from its first moment on
        if (bind(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            return fail(
                "mapper socket {}: {}; check who may write its directory, or give another "
                "-mapper-socket",
                path, std::strerror(errno));
        }
    }
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) made.inode_ = status.st_ino;
    made.path_ = path;
    if (listen(made.fd_, kBacklog) != 0) {
        return fail("mapper socket {}: {}", path, std::strerror(errno));
    }
    return made;
}

Result<ListeningSocket> ListeningSocket::adopt(run::Fd fd, const std::string& path) {
    sockaddr_un address{};
    socklen_t size = sizeof(address) - 1;  // a zero stays behind the longest path
    int type = 0;
    int listens = 0;
    socklen_t length = sizeof(int);
    const bool fits =
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        address.sun_family == AF_UNIX &&
        getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
        getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens == 1;
    if (!fits) {
        return fail(
            "mapper socket: the service manager's is of another kind; give "
            "ListenSequentialPacket={} in ipref-gateway.socket",
            path);
    }
    if (path != address.sun_path) {
        return fail(
            "mapper socket: the service manager's is {}, -mapper-socket says {}; write the same "
            "path in both",
            address.sun_path, path);
    }
    const int flags = fcntl(fd.get(), F_GETFL);
    if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        return fail("mapper socket {}: {}", path, std::strerror(errno));
    }
    ListeningSocket made;
    made.fd_ = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
    if (made.fd_ < 0) return fail("mapper socket {}: {}", path, std::strerror(errno));
    return made;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::exchange(other.path_, {})),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
    if (fd_ < 0) return;
    struct stat status {};
    if (!path_.empty() && lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) {
        unlink(path_.c_str());
    }
    close(fd_);
}

}  // namespace ipref::gw
