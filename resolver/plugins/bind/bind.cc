// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/bind/bind.h"

#include <ifaddrs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

void append_once(std::vector<net::Ip>& to, const net::Ip& ip) {
    if (std::find(to.begin(), to.end(), ip) == to.end()) to.push_back(ip);
}

Result<void> resolve(const std::string& word, const std::vector<InterfaceAddress>& interfaces,
                     std::vector<net::Ip>& to) {
    if (const auto ip = net::Ip::parse(word)) {
        append_once(to, *ip);
        return {};
    }
    bool known = false;
    for (const auto& address : interfaces) {
        if (address.interface != word) continue;
        known = true;
        if (address.ip.is_v6() && address.ip.is_link_local()) continue;
        append_once(to, address.ip);
    }
    if (known) return {};
    std::set<std::string> names;
    for (const auto& address : interfaces) names.insert(address.interface);
    return fail("not a valid IP address or interface name: \"{}\"; interfaces with addresses: {}",
                word, fmt::join(names, ", "));
}

Result<void> resolve_all(const std::vector<std::string>& words,
                         const std::vector<InterfaceAddress>& interfaces,
                         std::vector<net::Ip>& to) {
    for (const auto& word : words) {
        if (auto done = resolve(word, interfaces, to); !done) return done;
    }
    return {};
}

}  // namespace

Result<std::vector<InterfaceAddress>> interface_addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return fail("list of interfaces: {}", std::strerror(errno));
    std::vector<InterfaceAddress> out;
    for (const auto* at = list; at != nullptr; at = at->ifa_next) {
        const auto* address = at->ifa_addr;
        if (address == nullptr) continue;
        if (address->sa_family != AF_INET && address->sa_family != AF_INET6) continue;
        out.push_back({at->ifa_name, net::Endpoint::from(address).ip});
    }
    freeifaddrs(list);
    return out;
}

Result<std::vector<net::Ip>> bind_addresses(const std::vector<std::string>& words,
                                            const std::vector<std::string>& except,
                                            const std::vector<InterfaceAddress>& interfaces) {
    std::vector<net::Ip> out;
    std::vector<net::Ip> not_these;
    if (auto done = resolve_all(words, interfaces, out); !done) {
        return tl::unexpected(done.error());
    }
    if (auto done = resolve_all(except, interfaces, not_these); !done) {
        return tl::unexpected(done.error());
    }
    std::erase_if(out, [&](const net::Ip& ip) {
        return std::find(not_these.begin(), not_these.end(), ip) != not_these.end();
    });
    return out;
}

Result<void> setup_bind(Setup& setup) {
    auto& d = setup.tokens();
    auto& bind = setup.settings().bind;
    const auto interfaces = interface_addresses();
    if (!interfaces) return tl::unexpected(interfaces.error());
    while (d.next()) {
        const Token at = d.current();
        const auto words = d.remaining_args();
        if (words.empty()) {
            return d.err("at least one address or interface name is expected");
        }
        std::vector<std::string> except;
        OptionTable options;
        options.words("except", "ADDRESS|INTERFACE...", except,
                      "Addresses, or those of an interface, that are not listened on.");
        if (auto read = options.read_block(d); !read) return read;
        const auto addresses = bind_addresses(words, except, *interfaces);
        if (!addresses) return parse_error(at.at, addresses.error().text);
        for (const auto& ip : *addresses) append_once(bind, ip);
    }
    if (bind.empty()) return setup.error("no address is left to listen on");
    return {};
}

}  // namespace ipref::resolver
