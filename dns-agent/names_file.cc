// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/names_file.h"

#include "dns-agent/text_file.h"

namespace ipref::agent {

namespace {

Result<dns::Name> name_of_line(std::string_view line, const dns::Name& zone) {
    if (line.find_first_of(" \t") != std::string_view::npos) {
        return fail("\"{}\": one name a line", line);
    }
    const bool absolute = line.back() == '.';
    auto name = dns::Name::parse(line);
    if (name && !absolute) name = dns::Name::parse(fmt::format("{}.{}", line, zone.str()));
    if (!name) return fail("\"{}\": {}", line, name.error().text);
    if (name->is_root()) return fail("\"{}\": the root publishes no host", line);
    return name;
}

}  // namespace

Result<std::vector<dns::Name>> parse_names(std::string_view text, const dns::Name& zone) {
    std::vector<dns::Name> names;
    auto read = for_each_line(text, [&](std::string_view line) -> Result<void> {
        const auto name = name_of_line(line, zone);
        if (!name) return tl::unexpected(name.error());
        if (!name->is_under(zone) || *name == zone) return {};  // another source's
        if (names.size() == kMostNames) return fail("more than {} names", kMostNames);
        names.push_back(*name);
        return {};
    });
    if (!read) return tl::unexpected(read.error());
    return names;
}

Result<std::vector<dns::Name>> read_names(const std::string& path, const dns::Name& zone) {
    const auto text = read_text_file(path, kMostNameBytes);
    if (!text) return fail("names file {} {}", path, text.error().text);
    auto names = parse_names(*text, zone);
    if (!names) return fail("names file {}, {}", path, names.error().text);
    return names;
}

}  // namespace ipref::agent
