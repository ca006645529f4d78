// SPDX-License-Identifier: GPL-2.0-or-later
// What is made of a program's table of options besides its parser: man pages (man(7)) and
// completions for shells. Used when releases are made, see packaging/manual.
#pragma once

#include <string>
#include <vector>

#include "common/run/flags.h"

namespace ipref::run {

/// What a man page says besides the options.
struct ManPage {
    unsigned section = 8;
    std::string release;  ///< "0.1.0"
    std::string body;     ///< man(7) source behind the options: files, exit status, see also
};

/// The page of the flags' program; of `ipref-gw status`, "ipref-gw-status".
std::string man_page(const Flags& flags, const ManPage& page);

/// A sub-command, for completions.
struct Subcommand {
    std::string name;
    std::string summary;
    const Flags* flags = nullptr;  ///< null: no options
};

/// Complete the program's options and, as first word, its sub-commands.
std::string bash_completion(const Flags& flags, const std::vector<Subcommand>& commands);
std::string zsh_completion(const Flags& flags, const std::vector<Subcommand>& commands);
std::string fish_completion(const Flags& flags, const std::vector<Subcommand>& commands);

}  // namespace ipref::run
