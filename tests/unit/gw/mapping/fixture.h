// SPDX-License-Identifier: GPL-2.0-or-later
// What the mapping tests share: values from text, a configuration, a journal that keeps all.
#pragma once

#include <string>
#include <vector>

#include "gw/mapping/rcu.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

inline net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

inline net::IpRef at(std::string_view gw, std::string_view ref) {
    return {ip(gw), net::Ref::parse(ref).value()};
}

inline StaticMapping local(std::string_view host, std::string_view gw, std::string_view ref) {
    return {Relation::local, ip(host), at(gw, ref)};
}

inline StaticMapping remote(std::string_view ea, std::string_view gw, std::string_view ref) {
    return {Relation::remote, ip(ea), at(gw, ref)};
}

inline MappingConfig site() {
    MappingConfig config;
    config.encode_nets = {net::Cidr::parse("10.240.0.0/12").value()};
    config.gateways = {ip("203.0.113.1")};
    return config;
}

constexpr Seconds kStart = 1'700'000'000;
constexpr auto v4 = net::Family::v4;
constexpr auto v6 = net::Family::v6;

/// A table at kStart, its thread a reader: one at a time.
struct Site {
    explicit Site(MappingConfig config = site()) : table((clock.set(kStart), config), clock) {}

    void later(Seconds seconds) { clock.set(clock.now() + seconds); }
    void sweep_all() { table.sweep(SIZE_MAX); }

    Clock clock;
    Table table;
    RcuReader reader;
};

struct Kept : Journal {
    void record(std::vector<Change> changes) override { units.push_back(std::move(changes)); }
    std::vector<std::vector<Change>> units;
};

inline const OwnerName kHosts{"hosts file", false, true};
inline const OwnerName kAgent{"internal:example.com", true, false};
inline const OwnerName kOther{"lab:example.org", true, false};

}  // namespace ipref::gw
