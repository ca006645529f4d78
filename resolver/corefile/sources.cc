// SPDX-License-Identifier: GPL-2.0-or-later
#include <glob.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "resolver/corefile/parser.h"

namespace ipref::resolver {

namespace {

Result<std::string> read_file(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return fail("{}: is a directory", path);
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail("{}: {}", path, std::strerror(errno));
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad()) return fail("{}: cannot be read", path);
    return text;
}

std::vector<std::string> files_matching(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> out;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    globfree(&found);
    return out;
}

/// One kind of reference, from "{$" or "{%" to `end`. "{$}" stays as it is, with all that follows.
std::string substituted(std::string_view text, std::string_view begin, std::string_view end,
                        const CorefileSources& sources) {
    std::string out;
    while (true) {
        const auto start = text.find(begin);
        if (start == std::string_view::npos) break;
        const auto stop = text.find(end, start);
        if (stop == std::string_view::npos || stop <= start + begin.size()) break;
        const auto name = text.substr(start + begin.size(), stop - start - begin.size());
        out += text.substr(0, start);
        out += sources.env(std::string(name)).value_or("");
        text.remove_prefix(stop + end.size());
    }
    return out.append(text);
}

}  // namespace

CorefileSources system_sources() {
    return {.read = read_file,
            .glob = files_matching,
            .env = [](const std::string& name) -> std::optional<std::string> {
                const char* value = std::getenv(name.c_str());
                return value == nullptr ? std::nullopt : std::optional<std::string>(value);
            }};
}

std::string substitute_variables(std::string_view text, const CorefileSources& sources) {
    if (text.find('{') == std::string_view::npos) return std::string(text);
    return substituted(substituted(text, "{%", "%}", sources), "{$", "}", sources);
}

}  // namespace ipref::resolver
