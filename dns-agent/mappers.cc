// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/mappers.h"

namespace ipref::agent {

namespace {

std::string line(char sign, const wire::Host& host) {
    return fmt::format("  {} {} = {}", sign, host.ip.str(), host.ipref.str());
}

}  // namespace

void PrintingMapper::publish(std::shared_ptr<const wire::HostSet> set, Callback callback) {
    print_(fmt::format("{}:{}: full set, {}, hash {:016x}", set->local_domain, set->public_domain,
                       run::counted(set->hosts.size(), "host"), set->hash));
    for (const auto& host : set->hosts) print_(line('+', host));
    callback(mapper::Done{});
}

void PrintingMapper::publish_change(std::shared_ptr<const wire::HostSet> set, mapper::Change change,
                                    Callback callback) {
    print_(fmt::format("{}:{}: change from hash {:016x} to {:016x}, {}", set->local_domain,
                       set->public_domain, change.base_hash, set->hash,
                       run::counted(set->hosts.size(), "host")));
    for (const auto& host : change.remove) print_(line('-', host));
    for (const auto& host : change.add) print_(line('+', host));
    callback(mapper::Done{});
}

void PrintingMapper::confirm(const mapper::Source& source, uint64_t hash, uint32_t count,
                             Callback callback) {
    print_(fmt::format("{}:{}: unchanged, {}, hash {:016x}", source.local_domain,
                       source.public_domain, run::counted(count, "host"), hash));
    callback(mapper::Done{});
}

void PrintingMapper::withdraw(const mapper::Source& source, Callback callback) {
    print_(fmt::format("{}:{}: withdrawn", source.local_domain, source.public_domain));
    callback(mapper::Done{});
}

}  // namespace ipref::agent
