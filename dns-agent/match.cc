// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

namespace ipref::agent {

namespace {

bool is_name(const std::string& gw) {
    return !gw.empty() && gw.back() == '.';
}

std::string text_of(const Entry& entry) {
    return fmt::format("{} AA {} + {}", entry.owner, entry.gw, entry.ref.str());
}

/// Names in the order they are first met.
class Distinct {
  public:
    void add(std::string name) {
        if (seen_.insert(name).second) names.push_back(std::move(name));
    }
    std::vector<std::string> names;

  private:
    std::unordered_set<std::string> seen_;
};

const Found& look(const std::unordered_map<std::string, Found>& in, const std::string& name) {
    static const Found missing{{}, "was not looked up"};
    const auto found = in.find(name);
    return found == in.end() ? missing : found->second;
}

class Matcher {
  public:
    Matcher(const dns::Name& local, const Families& families, const LookUps& found)
        : local_(local), families_(families), found_(found) {}

    void add(const Entry& entry) {
        const auto name = local_name(entry.owner, local_);
        if (!name) return skip(entry, "its local name would be too long");
        const auto& host = look(found_.hosts, *name);
        if (host.ips.empty()) return skip(entry, fmt::format("{} {}", *name, host.why));
        const auto ip = *std::min_element(host.ips.begin(), host.ips.end());
        for (const auto& gw : gateways(entry)) publish(entry, ip, {gw, entry.ref});
    }

    Matched take() {
        for (const auto& [ipref, holder] : holders_) out_.hosts.push_back({holder.ip, ipref});
        return std::move(out_);
    }

  private:
    struct Holder {
        net::Ip ip;
        const Entry* entry;
    };

    /// Empty if there is none of the family: then it was said.
    std::vector<net::Ip> gateways(const Entry& entry) {
        if (is_name(entry.gw)) {
            const auto& gw = look(found_.gateways, entry.gw);
            if (gw.ips.empty()) skip(entry, fmt::format("gateway {} {}", entry.gw, gw.why));
            return gw.ips;
        }
        const auto ip = net::Ip::parse(entry.gw);
        if (ip && ip->family() == families_.gw) return {*ip};
        skip(entry,
             fmt::format("its gateway is no IPv{} address", static_cast<unsigned>(families_.gw)));
        return {};
    }

    void publish(const Entry& entry, const net::Ip& ip, const net::IpRef& ipref) {
        const auto [at, fresh] = holders_.try_emplace(ipref, Holder{ip, &entry});
        if (fresh || at->second.ip == ip) return;
        skip(entry, fmt::format("{} is already that of {}", ipref.str(), at->second.entry->owner));
    }

    void skip(const Entry& entry, const std::string& why) {
        out_.warnings.push_back(fmt::format("{} is not published: {}", text_of(entry), why));
    }

    const dns::Name& local_;
    const Families& families_;
    const LookUps& found_;
    std::map<net::IpRef, Holder> holders_;  // the order of a HostSet
    Matched out_;
};

}  // namespace

std::optional<std::string> local_name(const std::string& owner, const dns::Name& local) {
    const auto name = dns::Name::parse(owner);
    if (!name || name->is_root()) return std::nullopt;
    const auto joined = local.with_label(name->first_label());
    if (!joined) return std::nullopt;
    return joined->lower().str();
}

Wanted wanted_names(const Zone& zone, const dns::Name& local) {
    Distinct hosts;
    Distinct gateways;
    for (const auto& entry : zone.entries) {
        if (auto name = local_name(entry.owner, local)) hosts.add(std::move(*name));
        if (is_name(entry.gw)) gateways.add(entry.gw);
    }
    return {std::move(hosts.names), std::move(gateways.names)};
}

Matched match(const Zone& zone, const dns::Name& local, const Families& families,
              const LookUps& found) {
    Matcher matcher(local, families, found);
    for (const auto& entry : zone.entries) matcher.add(entry);
    return matcher.take();
}

}  // namespace ipref::agent
