// SPDX-License-Identifier: GPL-2.0-or-later
// Files and variables of a Corefile, in memory.
#pragma once

#include <map>
#include <string>

#include "resolver/corefile/parser.h"

namespace ipref::test {

struct MemorySources {
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> variables;

    resolver::CorefileSources sources() const {
        return {.read = [this](const std::string& path) -> Result<std::string> {
                    const auto found = files.find(path);
                    if (found == files.end()) return fail("{}: No such file or directory", path);
                    return found->second;
                },
                .glob = [this](const std::string& pattern) { return matching(pattern); },
                .env = [this](const std::string& name) -> std::optional<std::string> {
                    const auto found = variables.find(name);
                    if (found == variables.end()) return std::nullopt;
                    return found->second;
                }};
    }

  private:
    /// Patterns with one '*' only.
    std::vector<std::string> matching(const std::string& pattern) const {
        const auto star = pattern.find('*');
        const auto before = pattern.substr(0, star);
        const auto after = pattern.substr(star + 1);
        std::vector<std::string> out;
        for (const auto& [path, text] : files) {
            const bool fits = path.size() + 1 >= pattern.size() && path.starts_with(before) &&
                              path.ends_with(after);
            const auto middle = fits ? path.substr(star, path.size() - pattern.size() + 1) : "/";
            if (middle.find('/') == std::string::npos) out.push_back(path);
        }
        return out;
    }
};

}  // namespace ipref::test
