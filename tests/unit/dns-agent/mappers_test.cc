// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/mappers.h"

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::agent;

TEST_CASE("-devmode prints what would be sent", "[mappers]") {
    std::vector<std::string> lines;
    PrintingMapper mapper([&](const std::string& line) { lines.push_back(line); });
    auto set = std::make_shared<wire::HostSet>();
    set->local_domain = "internal";
    set->public_domain = "example.com";
    set->hosts = {{net::Ip::v4(0x0a010021), {net::Ip::v4(0xcb007101), {0, 1033}}}};
    set->hash = wire::hash_of(set->hosts);
    int done = 0;
    auto count = [&](const mapper::DoneOrFailure& result) { done += result ? 1 : 0; };
    mapper.publish(set, count);
    mapper.publish_change(set, {.base_hash = 1, .add = set->hosts, .remove = set->hosts}, count);
    mapper.confirm({"internal", "example.com"}, set->hash, 1, count);
    mapper.withdraw({"internal", "example.com"}, count);
    CHECK(done == 4);
    const auto hash = fmt::format("{:016x}", set->hash);
    CHECK(lines ==
          std::vector<std::string>{
              "internal:example.com: full set, 1 host, hash " + hash,
              "  + 10.1.0.33 = 203.0.113.1 + 1033",
              "internal:example.com: change from hash 0000000000000001 to " + hash + ", 1 host",
              "  - 10.1.0.33 = 203.0.113.1 + 1033",
              "  + 10.1.0.33 = 203.0.113.1 + 1033",
              "internal:example.com: unchanged, 1 host, hash " + hash,
              "internal:example.com: withdrawn",
          });
}
