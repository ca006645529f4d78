// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>

#include "common/run/json.h"
#include "gw/admin/doctor/finding.h"
#include "gw/admin/show.h"

namespace ipref::gw::admin {

namespace {

constexpr std::array<Check, 20> kChecks = {
    check_user,         check_tun,      check_forwarding, check_ipv6,   check_gateway,
    check_port,         check_address,  check_interface,  check_route,  check_overlap,
    check_firewall,     check_peers,    check_paths,      check_socket, check_limits,
    check_reverse_path, check_resolver, check_agent,      check_clock,  check_buffers,
};

std::string_view name_of(Level level) {
    switch (level) {
        case Level::ok:
            return "OK";
        case Level::warn:
            return "WARN";
        case Level::fail:
            return "FAIL";
    }
    return "?";
}

}  // namespace

std::span<const Check> checks() {
    return kChecks;
}

Findings examine(const Situation& situation, Outside& outside) {
    Findings all;
    for (const auto check : kChecks) {
        auto found = check(situation, outside);
        std::ranges::move(found, std::back_inserter(all));
    }
    return all;
}

std::string findings_text(const Findings& findings) {
    std::string out;
    for (const auto& finding : findings) {
        out += fmt::format("{:<4}  {:<10}  {}\n", name_of(finding.level), finding.check,
                           harmless(finding.text));
        for (const auto& command : finding.mend) {
            out += fmt::format("{:18}{}\n", "", harmless(command));
        }
    }
    const auto count = [&](Level level) {
        return std::ranges::count(findings, level, &Finding::level);
    };
    return out + fmt::format("{} failed, {} to look at, {} well\n", count(Level::fail),
                             count(Level::warn), count(Level::ok));
}

std::string findings_json(const Findings& findings) {
    run::Json json;
    json.open('{').member("schema", "ipref.doctor/1").key("findings").open('[');
    for (const auto& finding : findings) {
        json.open('{').member("level", name_of(finding.level)).member("check", finding.check);
        json.member("text", finding.text).key("mend").open('[');
        for (const auto& command : finding.mend) json.value(command);
        json.close(']').close('}');
    }
    json.close(']').close('}');
    return json.str() + '\n';
}

int findings_exit(const Findings& findings) {
    int worst = 0;
    for (const auto& finding : findings) worst = std::max(worst, static_cast<int>(finding.level));
    return worst;
}

}  // namespace ipref::gw::admin
