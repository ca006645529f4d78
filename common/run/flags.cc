// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/flags.h"

#include <charconv>

#include "common/run/nearest_word.h"

namespace ipref::run {

namespace {

Result<bool> parse_bool(std::string_view text) {
    for (const auto word : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == word) return true;
    }
    for (const auto word : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == word) return false;
    }
    return fail("\"{}\" is neither true nor false", text);
}

Result<uint32_t> parse_number(std::string_view text, uint32_t least, uint32_t most) {
    uint32_t value = 0;
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end || text.empty() || value < least || value > most) {
        return fail("\"{}\" is not a number from {} to {}", text, least, most);
    }
    return value;
}

/// Breaks a help text into lines of at most `width`, each indented.
std::string wrapped(std::string_view text, size_t width, std::string_view indent) {
    std::string out;
    std::string line;
    auto flush = [&] {
        if (!line.empty()) out += fmt::format("{}{}\n", indent, line);
        line.clear();
    };
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (line.size() + 1 + word.size() > width) flush();
        if (!line.empty()) line += ' ';
        line += word;
    }
    flush();
    return out;
}

}  // namespace

Flags::Flags(std::string program, std::string synopsis, std::string summary)
    : program_(std::move(program)), synopsis_(std::move(synopsis)), summary_(std::move(summary)) {}

void Flags::add(Option option) {
    options_.push_back(std::move(option));
}

void Flags::boolean(std::string name, bool& to, std::string help) {
    add({std::move(name), "", to ? "true" : "", std::move(help),
         [&to](std::string_view text) -> Result<void> {
             const auto value = parse_bool(text);
             if (!value) return tl::unexpected(value.error());
             to = *value;
             return {};
         }});
}

void Flags::text(std::string name, std::string value, std::string& to, std::string help) {
    add({std::move(name), std::move(value), to, std::move(help),
         [&to](std::string_view text) -> Result<void> {
             to = text;
             return {};
         }});
}

void Flags::number(std::string name, uint32_t& to, uint32_t least, uint32_t most,
                   std::string help) {
    add({std::move(name), "N", std::to_string(to), std::move(help),
         [&to, least, most](std::string_view text) -> Result<void> {
             const auto value = parse_number(text, least, most);
             if (!value) return tl::unexpected(value.error());
             to = *value;
             return {};
         }});
}

const Option* Flags::find(std::string_view name) const {
    for (const auto& option : options_) {
        if (option.name == name) return &option;
    }
    return nullptr;
}

tl::unexpected<Error> Flags::unknown(std::string_view word, std::string_view name) const {
    std::vector<std::string> known;
    for (const auto& option : options_) known.push_back(option.name);
    const auto near = nearest_word(name, known);
    return fail("unknown option {}; {}{} -h lists them", word,
                near.empty() ? "" : fmt::format("did you mean -{}? ", near), program_);
}

Result<Arguments> Flags::parse(const std::vector<std::string>& arguments) const {
    Arguments out;
    size_t i = 0;
    for (; i < arguments.size(); i++) {
        std::string_view word = arguments[i];
        if (word.size() < 2 || word[0] != '-') break;
        if (word == "--") {
            i++;
            break;
        }
        word.remove_prefix(word[1] == '-' ? 2 : 1);
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const bool has_value = equals != std::string_view::npos;
        if (name == "h" || name == "help") {
            out.help = true;
            return out;
        }
        const auto* option = find(name);
        if (option == nullptr) {
            return unknown(arguments[i], name);
        }
        std::string_view value = has_value ? word.substr(equals + 1) : "true";
        if (!has_value && !option->value.empty()) {
            if (++i == arguments.size()) {
                return fail("option -{} needs a value: -{} {}", name, name, option->value);
            }
            value = arguments[i];
        }
        if (const auto set = option->set(value); !set) {
            return fail("option -{}: {}", name, set.error().text);
        }
    }
    out.rest.assign(arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
    return out;
}

std::string Flags::usage() const {
    auto text = fmt::format("usage: {} {}\n{}\n", program_, synopsis_, wrapped(summary_, 90, "  "));
    for (const auto& option : options_) {
        text +=
            fmt::format("  -{}{}{}\n", option.name, option.value.empty() ? "" : " ", option.value);
        const auto fallback =
            option.fallback.empty() ? "" : fmt::format(" (default {})", option.fallback);
        text += wrapped(option.help + fallback, 84, "        ");
    }
    return text;
}

std::vector<std::string> arguments_of(int argc, char** argv) {
    return argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>();
}

}  // namespace ipref::run
