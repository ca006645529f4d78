// SPDX-License-Identifier: GPL-2.0-or-later
// Names and addresses of a hosts file, both ways. Made once, then only read. Sized for lists of a
// hundred thousand lines.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/dns/name.h"
#include "common/net/ip.h"

namespace ipref::resolver {

using dns::Bytes;
using dns::Name;

class HostsTable {
  public:
    struct Addresses {
        std::vector<net::Ip> v4, v6;
    };

    /// Adds "ADDRESS NAME NAME... # comment" lines; what is no such line is passed over, as
    /// resolvers do. `reverse`: addresses are looked up, too.
    void add(std::string_view text, bool reverse);
    /// Number of names and addresses that can be asked for.
    size_t entries() const { return names_.size() + owners_.size(); }

    /// The addresses of a name in lower case; else those of the nearest "*" above it, as in zones
    /// (RFC 4592: not above a name that exists). Null: unknown.
    const Addresses* find(const Name& lower) const;
    /// The names of an address, in wire format; empty if it is unknown.
    std::span<const std::string> names(const net::Ip& ip) const;

  private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    template <typename T>
    using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    void add_line(std::string_view line, bool reverse);
    void note_parents(const Name& name);
    const Addresses* at(Bytes name) const;

    Map<Addresses> names_;  // by wire format, lower case
    /// Names that exist because something is below them; kept once "*" is used.
    std::unordered_set<std::string, Hash, std::equal_to<>> parents_;
    std::unordered_map<net::Ip, std::vector<std::string>> owners_;
    bool wildcards_ = false;
};

/// The address that a name below in-addr.arpa or ip6.arpa stands for; nothing if it is none.
std::optional<net::Ip> address_of_reverse(const Name& name);

}  // namespace ipref::resolver
