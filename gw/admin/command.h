// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that ask a running gateway: `ipref-gw status` and the like. Each reads its own
// options, prints to standard output, and returns an exit status.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/flags.h"
#include "gw/admin/client.h"

namespace ipref::gw::admin {

struct Command {
    std::string_view name;
    std::string_view summary;
    /// Arguments behind the command's name.
    int (*run)(const std::vector<std::string>& arguments);
};

std::span<const Command> commands();
/// Runs the command that the arguments begin with. Nothing if they begin with an option, or there
/// are none: that is the gateway itself.
std::optional<int> run_command(const std::vector<std::string>& arguments);
/// Lines for the usage text of ipref-gw.
std::string command_list();
/// The known word that `word` is a slip of; empty if it is too far from all of them.
std::string nearest(std::string_view word);

/// What all commands have in common.
struct Common {
    std::string mapper_socket = "/run/ipref/mapper.sock";
    bool json = false;
};

/// An option table of one command, with the options of Common.
run::Flags flags_of(std::string_view command, std::string_view summary, Common& common);
/// Reads the options; an exit status if there is nothing left to do (usage printed, or an error).
std::optional<int> read_options(const run::Flags& flags, const std::vector<std::string>& arguments);
/// Prints the trouble to standard error; its exit status.
int ended_by(const Trouble& trouble);
/// Prints to standard output; exit_failed if nobody takes it.
int print(std::string_view text);

int run_status(const std::vector<std::string>& arguments);
int run_mappings(const std::vector<std::string>& arguments);
int run_peers(const std::vector<std::string>& arguments);
int run_counters(const std::vector<std::string>& arguments);
int run_drops(const std::vector<std::string>& arguments);
int run_doctor(const std::vector<std::string>& arguments);
int run_trace(const std::vector<std::string>& arguments);
int run_capture(const std::vector<std::string>& arguments);

}  // namespace ipref::gw::admin
