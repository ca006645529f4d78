// SPDX-License-Identifier: GPL-2.0-or-later
// ipref-coredns as a program: flags, start-up output, signals, reload, exit status.
// Source: spec page "ipref-coredns", 2 and 5.
#pragma once

#include <string>
#include <vector>

#include "common/run/flags.h"

namespace ipref::resolver {

struct ProgramOptions {
    std::string conf;  ///< empty: ./Corefile if it is there, else the built-in one
    uint32_t dns_port = 53;
    std::string pidfile;
    std::string log_format = "text";
    std::string explain;  ///< the name to explain; the type is the first argument behind
    bool plugins = false;
    bool quiet = false;
    bool version = false;
    bool validate = false;
    bool lenient = false;
    bool no_sandbox = false;
};

/// The table of flags, writing to `options`.
run::Flags program_flags(ProgramOptions& options);

/// Returns the exit status: 0; 1 for what is wrong at start, 2 for -validate and a bad Corefile,
/// and for a second SIGINT.
int run_program(const std::vector<std::string>& arguments);

}  // namespace ipref::resolver
