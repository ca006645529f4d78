// SPDX-License-Identifier: GPL-2.0-or-later
// Corefile text through the grammar. The text after the first zero byte, if there is one, is a
// file "part" that it may import. Whatever comes: a result or an error that names a place.
#include <algorithm>
#include <cstdlib>

#include "resolver/corefile/keys.h"
#include "resolver/corefile/options.h"
#include "resolver/corefile/parser.h"

namespace {

using namespace ipref;
using namespace ipref::resolver;

/// Reads each directive as plugins do, all the way.
void walk(const ServerBlock& block) {
    for (const auto& directive : block.directives) {
        Dispenser d(directive.tokens, block.end);
        while (d.next()) {
            if (d.count_args() != Dispenser(d).remaining_args().size()) std::abort();
            static_cast<void>(parse_duration(d.val()));
            const OptionTable none;
            static_cast<void>(none.read_block(d));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const auto zero = std::min(all.find('\0'), all.size());
    const std::string part(all.substr(std::min(zero + 1, all.size())));
    const CorefileSources sources{
        .read = [&](const std::string& path) -> Result<std::string> {
            if (path != "part") return fail("{}: no such file", path);
            return part;
        },
        .glob = [](const std::string&) { return std::vector<std::string>{"part"}; },
        .env = [](const std::string& name) { return std::optional<std::string>(name); }};
    const auto file = parse_corefile(all.substr(0, zero), "Corefile", sources,
                                     [](const std::string& name) -> std::optional<std::string> {
                                         if (name.find('{') == std::string::npos) return {};
                                         return "";
                                     });
    if (!file) {
        if (file.error().text.find(':') == std::string::npos) std::abort();
        return 0;
    }
    for (const auto& block : file->blocks) {
        if (block.keys.empty()) std::abort();
        for (const auto& key : block.keys) static_cast<void>(parse_key(key, 53));
        walk(block);
    }
    return 0;
}
