// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_debug(Setup& setup) {
    auto& d = setup.tokens();
    while (d.next()) {
        if (d.next_on_line()) return d.arg_err();
    }
    setup.settings().debug = true;
    return {};
}

}  // namespace ipref::resolver
