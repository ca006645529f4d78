// SPDX-License-Identifier: GPL-2.0-or-later
// What the doctor sees of the machine, and nothing but sees: no function changes anything.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::gw::admin {

struct Interface {
    bool up = false;
    uint32_t mtu = 0;
};

struct FileInfo {
    mode_t mode = 0;  ///< kind and permissions, as stat(2) has them
    std::string group;
};

struct Owner {
    pid_t pid = 0;
    std::string name;
};

struct WallClock {
    int64_t seconds = 0;        ///< since 1970
    bool synchronised = false;  ///< the kernel has been told that it is
};

class Outside {
  public:
    virtual ~Outside() = default;
    /// The first 1 MB of a file; nothing if it cannot be read.
    virtual std::optional<std::string> read(const std::string& path) = 0;
    virtual std::optional<FileInfo> file(const std::string& path) = 0;
    /// 0 if the file can be opened to read and write, or an errno.
    virtual int open(const std::string& path) = 0;
    virtual std::optional<Interface> interface(const std::string& name) = 0;
    /// 0 if this process could listen there, or an errno.
    virtual int bind_udp(const net::Endpoint& at) = 0;
    /// Which process has a socket on the UDP port; nothing if that cannot be told.
    virtual std::optional<Owner> udp_owner(uint16_t port) = 0;
    /// Standard output of a program; nothing if it is not installed, fails or takes too long.
    virtual std::optional<std::string> run(const std::vector<std::string>& command) = 0;
    /// Whether a DNS server answers anything at all within two seconds.
    virtual bool dns_answers(const net::Endpoint& server) = 0;
    virtual WallClock clock() = 0;
};

/// This machine.
std::unique_ptr<Outside> this_machine();

}  // namespace ipref::gw::admin
