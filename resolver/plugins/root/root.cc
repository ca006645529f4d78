// SPDX-License-Identifier: GPL-2.0-or-later
#include <filesystem>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_root(Setup& setup) {
    auto& d = setup.tokens();
    auto& root = setup.settings().root;
    while (d.next()) {
        if (!d.next_arg()) return d.arg_err();
        root = d.val();
        if (d.next_on_line()) return d.arg_err();
        std::error_code ignored;
        if (!std::filesystem::is_directory(root, ignored)) {
            setup.warn(fmt::format("Root path does not exist: {}", root));
        }
    }
    if (!root.empty() && !root.ends_with('/')) root += '/';
    return {};
}

}  // namespace ipref::resolver
