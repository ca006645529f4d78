// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/plugin.h"

namespace ipref::resolver {

void Setup::warn(std::string_view what) {
    warnings_.push_back(fmt::format("plugin/{}: {}", plugin_, what));
}

std::string Setup::path(std::string_view name) const {
    const bool whole = name.starts_with('/') || settings_.root.empty();
    return whole ? std::string(name) : settings_.root + std::string(name);
}

Result<std::vector<Name>> Setup::zones_or_own(const std::vector<Token>& arguments) const {
    std::vector<Name> out;
    for (const auto& argument : arguments) {
        const auto zones = normalize_zone(argument.text);
        if (!zones) return parse_error(argument.at, zones.error().text);
        out.insert(out.end(), zones->begin(), zones->end());
    }
    if (arguments.empty()) {
        for (const auto& key : keys_) out.push_back(key.zone);
    }
    return out;
}

tl::unexpected<Error> Setup::once_error() const {
    return error("this plugin can only be used once per Server Block");
}

tl::unexpected<Error> Setup::error(std::string_view what) const {
    return fail("plugin/{}: {} - {}", plugin_, tokens_.place().str(), what);
}

}  // namespace ipref::resolver
