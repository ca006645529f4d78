// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/manual.h"

#include <algorithm>
#include <cctype>

namespace ipref::run {

namespace {

/// Text for a line of man(7) source: nothing in it is taken for a request.
std::string roff(std::string_view text) {
    std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
    for (const char c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out;
}

/// The name of the page: its words joined.
std::string page_name(const Flags& flags) {
    auto name = flags.program();
    std::replace(name.begin(), name.end(), ' ', '-');
    return name;
}

std::string upper(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

/// As one word between single quotes, for a shell.
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

/// The first sentence, without its full stop.
std::string first_sentence(const std::string& help) {
    auto end = std::min(help.find(". "), help.find("; "));
    if (end == std::string::npos) end = help.ends_with('.') ? help.size() - 1 : help.size();
    return help.substr(0, end);
}

std::string option_words(const Flags& flags) {
    std::string out;
    for (const auto& option : flags.options()) {
        out += fmt::format("{}-{}", out.empty() ? "" : " ", option.name);
    }
    return out;
}

/// Whether the option's value names a file or a folder.
bool is_path(const Option& option) {
    return option.value == "FILE" || option.value == "PATH" || option.value == "DIR";
}

std::string zsh_options(const Flags& flags) {
    std::string out;
    for (const auto& option : flags.options()) {
        auto help = first_sentence(option.help);
        std::erase_if(help, [](char c) { return c == '[' || c == ']' || c == ':'; });
        const std::string value = option.value.empty() ? "" : ":" + option.value + ":";
        out +=
            fmt::format(" \\\n    {}", quoted(fmt::format("-{}[{}]{}{}", option.name, help, value,
                                                          is_path(option) ? "_files" : "")));
    }
    return out;
}

void fish_options(std::string& out, const Flags& flags, const std::string& program,
                  const std::string& condition) {
    for (const auto& option : flags.options()) {
        const auto* takes = option.value.empty() ? "" : is_path(option) ? " -r -F" : " -x";
        out += fmt::format("complete -c {}{} -o {}{} -d {}\n", program, condition, option.name,
                           takes, quoted(first_sentence(option.help)));
    }
}

}  // namespace

std::string man_page(const Flags& flags, const ManPage& page) {
    const auto name = page_name(flags);
    auto out = fmt::format(".TH {} {} \"\" \"IPREF {}\"\n", upper(roff(name)), page.section,
                           roff(page.release));
    out += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(first_sentence(flags.summary())));
    out += fmt::format(".SH SYNOPSIS\n.B {}\n{}\n", roff(flags.program()), roff(flags.synopsis()));
    out += fmt::format(".SH DESCRIPTION\n{}\n", roff(flags.summary()));
    if (!flags.options().empty()) out += ".SH OPTIONS\n";
    for (const auto& option : flags.options()) {
        out += fmt::format(".TP\n.B \\-{}{}\n{}\n", roff(option.name),
                           option.value.empty() ? "" : " \\fI" + roff(option.value) + "\\fR",
                           roff(option.help));
        if (!option.fallback.empty()) out += fmt::format("Default: {}.\n", roff(option.fallback));
    }
    return out + page.body;
}

std::string bash_completion(const Flags& flags, const std::vector<Subcommand>& commands) {
    const auto& program = flags.program();
    auto function = "_" + program;
    std::replace(function.begin(), function.end(), '-', '_');
    std::string words;
    std::string cases;
    for (const auto& command : commands) {
        words += " " + command.name;
        if (command.flags == nullptr) continue;
        cases += fmt::format("        {}) words={} ;;\n", command.name,
                             quoted(option_words(*command.flags)));
    }
    std::string paths;
    for (const auto& option : flags.options()) {
        if (is_path(option)) paths += fmt::format("{}-{}", paths.empty() ? "" : "|", option.name);
    }
    auto out = fmt::format("# bash completion of {}\n{}() {{\n", program, function);
    out += "    local word=${COMP_WORDS[COMP_CWORD]} words\n";
    if (!paths.empty()) {
        out += fmt::format(
            "    case ${{COMP_WORDS[COMP_CWORD-1]}} in\n"
            "        {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n    esac\n",
            paths);
    }
    out += fmt::format("    case ${{COMP_WORDS[1]}} in\n{}        *) words={} ;;\n    esac\n",
                       cases, quoted(option_words(flags)));
    if (!words.empty()) {
        out += fmt::format("    [ \"$COMP_CWORD\" != 1 ] || words+={}\n", quoted(words));
    }
    return out + fmt::format(
                     "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}}\n"
                     "complete -F {} {}\n",
                     function, program);
}

std::string zsh_completion(const Flags& flags, const std::vector<Subcommand>& commands) {
    auto out = fmt::format("#compdef {}\n", flags.program());
    if (commands.empty()) return out + "_arguments" + zsh_options(flags) + "\n";
    out += "case $words[2] in\n";
    for (const auto& command : commands) {
        if (command.flags == nullptr) continue;
        out += fmt::format("{})\n  _arguments '1:command:'{} ;;\n", command.name,
                           zsh_options(*command.flags));
    }
    out += "*)\n  local -a commands=(\n";
    for (const auto& command : commands) {
        out +=
            fmt::format("    {}\n", quoted(command.name + ":" + first_sentence(command.summary)));
    }
    return out + fmt::format(
                     "  )\n  (( CURRENT == 2 )) && _describe command commands\n  _arguments{} ;;\n"
                     "esac\n",
                     zsh_options(flags));
}

std::string fish_completion(const Flags& flags, const std::vector<Subcommand>& commands) {
    const auto& program = flags.program();
    auto out = fmt::format("# fish completion of {}\ncomplete -c {} -f\n", program, program);
    for (const auto& command : commands) {
        out += fmt::format("complete -c {} -n __fish_use_subcommand -a {} -d {}\n", program,
                           command.name, quoted(first_sentence(command.summary)));
        if (command.flags == nullptr) continue;
        fish_options(out, *command.flags, program,
                     fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name));
    }
    fish_options(out, flags, program, commands.empty() ? "" : " -n __fish_use_subcommand");
    return out;
}

}  // namespace ipref::run
