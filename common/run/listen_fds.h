// SPDX-License-Identifier: GPL-2.0-or-later
// Descriptors that the service manager gives to a process at its start: listening sockets of
// .socket units, and what the process before has put into its store. Source: sd_listen_fds(3),
// without libsystemd.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/run/fd.h"

namespace ipref::run {

struct NamedFd {
    std::string name;  ///< FileDescriptorName= of the socket unit, FDNAME= of the store
    Fd fd;             ///< close-on-exec
};

/// What LISTEN_FDS and LISTEN_FDNAMES announce, if LISTEN_PID is this process; empty otherwise.
/// Once: the variables are removed, so that children do not take them for their own. To be called
/// before threads are started.
std::vector<NamedFd> take_listen_fds();

/// The service manager's store of descriptors, which outlives this process and is given to the
/// next (FileDescriptorStoreMax= of the unit). Without a service manager: empty, and keeps nothing.
class FdStore {
  public:
    FdStore() = default;
    explicit FdStore(std::vector<NamedFd> given) : given_(std::move(given)) {}

    /// What has been given by this name, none if there is nothing. If several, the first.
    Fd take(std::string_view name);
    /// Puts a duplicate into the store. Not watched by the manager, who would drop a socket with
    /// an error pending. Names: printable ASCII without ':'.
    void keep(std::string_view name, int fd) const;
    /// Removes from the store what has this name.
    void forget(std::string_view name) const;
    /// Closes and removes what has not been taken; returns the names.
    std::vector<std::string> forget_rest();

    const std::vector<NamedFd>& given() const { return given_; }

  private:
    std::vector<NamedFd> given_;
};

}  // namespace ipref::run
