// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/sources_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace ipref::agent {

namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view without_comment(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const auto first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

Result<std::string> read_bounded(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMostSourceBytes + 1, 0);
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    // A short read is the end of the file; a directory opens, and cannot be read.
    if (file.bad() || (!file && !file.eof())) {
        return fail("cannot be read: {}", std::strerror(errno));
    }
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kMostSourceBytes) return fail("is larger than {} bytes", kMostSourceBytes);
    return text;
}

}  // namespace

Result<void> parse_source_lines(std::string_view text, std::vector<Source>& sources) {
    for (size_t number = 1; !text.empty(); number++) {
        const auto end = text.find('\n');
        const auto line = without_comment(text.substr(0, end));
        if (!line.empty()) {
            if (auto added = add_source(line, sources); !added) {
                return fail("line {}: {}", number, added.error().text);
            }
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return {};
}

Result<std::vector<Source>> with_sources_file(std::vector<Source> others, const std::string& path) {
    const auto text = read_bounded(path);
    if (!text) return fail("sources file {} {}", path, text.error().text);
    if (auto parsed = parse_source_lines(*text, others); !parsed) {
        return fail("sources file {}, {}", path, parsed.error().text);
    }
    return others;
}

}  // namespace ipref::agent
