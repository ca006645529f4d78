// SPDX-License-Identifier: GPL-2.0-or-later
// Command lines, from one table of options a program: the table makes the parser, the usage text
// and the man page. Syntax: `-name value`, `-name=value`, one dash or two; booleans `-name` or
// `-name=true|false`. Parsing stops at the first argument that is no option, or after `--`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "common/result.h"

namespace ipref::run {

struct Option {
    std::string name;      ///< without dashes: "gateway-bind"
    std::string value;     ///< placeholder in the usage text, "IP"; empty for a boolean
    std::string fallback;  ///< the default as text, empty if there is none
    std::string help;      ///< one or more sentences, no line breaks
    /// Takes the value ("true" or "false" for a boolean); its error text says what is wrong with
    /// the value, the option's name is put in front.
    std::function<Result<void>(std::string_view)> set;
};

/// What a command line asks for besides the options that were set.
struct Arguments {
    bool help = false;              ///< -h or -help was given
    std::vector<std::string> rest;  ///< from the first argument that is no option
};

class Flags {
  public:
    /// `synopsis`: what stands behind the program's name in the usage text, "[options] SOURCE ...".
    Flags(std::string program, std::string synopsis, std::string summary);

    void add(Option option);
    /// Options that write a variable; its value at this call is the default shown.
    void boolean(std::string name, bool& to, std::string help);
    void text(std::string name, std::string value, std::string& to, std::string help);
    void number(std::string name, uint32_t& to, uint32_t least, uint32_t most, std::string help);

    /// Arguments without the program's own name. An error is one line for standard error.
    Result<Arguments> parse(const std::vector<std::string>& arguments) const;
    /// The usage text, with a trailing newline.
    std::string usage() const;

    const std::string& program() const { return program_; }
    const std::string& synopsis() const { return synopsis_; }
    const std::string& summary() const { return summary_; }
    const std::vector<Option>& options() const { return options_; }

  private:
    const Option* find(std::string_view name) const;
    /// The error about `word`, with the option whose name is nearest.
    tl::unexpected<Error> unknown(std::string_view word, std::string_view name) const;

    std::string program_;
    std::string synopsis_;
    std::string summary_;
    std::vector<Option> options_;
};

/// argv[1] and on.
std::vector<std::string> arguments_of(int argc, char** argv);

}  // namespace ipref::run
