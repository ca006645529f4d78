// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/text_file.h"

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

}  // namespace

Result<void> for_each_line(std::string_view text,
                           const std::function<Result<void>(std::string_view)>& take) {
    for (size_t number = 1; !text.empty(); number++) {
        const auto end = text.find('\n');
        const auto line = without_comment(text.substr(0, end));
        if (!line.empty()) {
            if (auto taken = take(line); !taken) {
                return fail("line {}: {}", number, taken.error().text);
            }
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return {};
}

Result<std::string> read_text_file(const std::string& path, size_t most_bytes) {
    std::ifstream file(path, std::ios::binary);
    std::string text(most_bytes + 1, 0);
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    // A short read is the end of the file; a directory opens, and cannot be read.
    if (file.bad() || (!file && !file.eof())) {
        return fail("cannot be read: {}", std::strerror(errno));
    }
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > most_bytes) return fail("is larger than {} bytes", most_bytes);
    return text;
}

}  // namespace ipref::agent
