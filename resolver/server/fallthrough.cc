// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/fallthrough.h"

#include <utility>

namespace ipref::resolver {

void fallthrough_option(OptionTable& table, const Setup& setup, std::vector<Name>& to,
                        std::vector<Name> bare, std::string help) {
    table.custom({"fallthrough", "[ZONES...]", "", std::move(help),
                  [&setup, &to, bare = std::move(bare)](Dispenser& d) -> Result<void> {
                      const auto words = d.remaining_tokens();
                      to = bare;
                      if (words.empty()) return {};
                      auto zones = setup.zones_or_own(words);
                      if (!zones) return tl::unexpected(zones.error());
                      to = std::move(*zones);
                      return {};
                  }});
}

}  // namespace ipref::resolver
