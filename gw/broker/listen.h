// SPDX-License-Identifier: GPL-2.0-or-later
// The mapper's listening socket: made without a moment in which others could use it.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/run/fd.h"

namespace ipref::gw {

/// Owned; the file goes with it, unless another has taken its place.
class ListeningSocket {
  public:
    /// Makes the directory (0775) with its parents, removes a stale socket, binds (0660), listens.
    /// Errors: something that is no socket is in the way, a live gateway answers there, the path
    /// is too long, no permission.
    static Result<ListeningSocket> open(const std::string& path);
    /// One that the service manager has opened, and keeps when we end. Errors: it is something
    /// else, or of another path.
    static Result<ListeningSocket> adopt(run::Fd fd, const std::string& path);
    ~ListeningSocket();
    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;

    int fd() const { return fd_; }  ///< non-blocking

  private:
    ListeningSocket() = default;

    int fd_ = -1;
    std::string path_;
    uint64_t inode_ = 0;
};

}  // namespace ipref::gw
