// SPDX-License-Identifier: GPL-2.0-or-later
// The system's hosts file, as look-ups of addresses use it before they ask a server: hosts(5).
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/dns/name.h"
#include "common/net/ip.h"

namespace ipref::dns {

using HostTable = std::unordered_map<Name, std::vector<net::Ip>>;

/// "ADDRESS NAME NAME... # comment" a line; lines that are something else are passed over, as
/// the C library does. Addresses stand in the file's order.
HostTable parse_hosts(std::string_view text);

class HostsFile {
  public:
    /// Empty: no file, nothing is ever found.
    explicit HostsFile(std::string path) : path_(std::move(path)) {}

    /// Addresses of the family; empty if there are none. Reads the file again if it has changed
    /// since, looking at most once a second.
    std::vector<net::Ip> find(const Name& name, net::Family family, int64_t now_ms);

  private:
    void refresh(int64_t now_ms);

    static constexpr int64_t kLookEvery = 1000;
    std::string path_;
    HostTable table_;
    int64_t looked_ = -kLookEvery;
    struct timespec changed_ {};
    int64_t size_ = -1;
    uint64_t inode_ = 0;
};

}  // namespace ipref::dns
