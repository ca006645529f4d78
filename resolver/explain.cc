// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/explain.h"

namespace ipref::resolver {

namespace {

std::string explain_block(const Block& block, const Name& zone) {
    std::string out =
        fmt::format("  server block of {} ({})\n", zone.str(), block.keys.front().at.str());
    if (!block.has_plugins) return out + "  no plugins: REFUSED\n";
    size_t number = 0;
    for (const auto& handler : block.chain.handlers()) {
        const auto more = handler->explain();
        out += fmt::format("  {}. {}{}{}\n", ++number, handler->name(), more.empty() ? "" : ": ",
                           more);
    }
    return out + "  if none of them answers: SERVFAIL\n";
}

}  // namespace

Result<std::string> explain_query(const Config& config, std::string_view name,
                                  std::string_view type) {
    const auto asked = Name::parse(name);
    if (!asked) return fail("-explain: \"{}\" is no name: {}", name, asked.error().text);
    const auto qtype = dns::parse_type(type);
    if (!qtype) return fail("-explain: \"{}\" is no type; usage: -explain NAME TYPE", type);
    std::string out;
    for (const auto& [address, routes] : config.listeners) {
        out +=
            fmt::format("{} {} asked of {}\n", asked->str(), dns::type_text(*qtype), address.str());
        const auto* zone = routes.choose(asked->lower(), *qtype);
        out += zone == nullptr ? "  no server block: REFUSED\n"
                               : explain_block(*zone->block, zone->name);
    }
    return out;
}

}  // namespace ipref::resolver
