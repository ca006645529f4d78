// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/command.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/run/nearest_word.h"

namespace ipref::gw::admin {

namespace {

constexpr std::array kCommands = {
    Command{"status", "whether the gateway is well, and what it serves", run_status},
    Command{"mappings", "encoded addresses and published hosts", run_mappings},
    Command{"peers", "other gateways: ports, path MTUs, traffic", run_peers},
    Command{"counters", "packets and bytes", run_counters},
    Command{"drops", "packets that were dropped, and why", run_drops},
    Command{"doctor", "what is wrong on this machine, and the commands that mend it", run_doctor},
    Command{"trace", "drops and mappings as they happen", run_trace},
    Command{"capture", "packets of both sides, into a pcapng file", run_capture},
};

int unknown(std::string_view word) {
    const auto near = nearest(word);
    const auto hint = near.empty() ? std::string() : fmt::format("; did you mean {}?", near);
    fmt::print(stderr, "ipref-gw: unknown command \"{}\"{} ipref-gw -h lists them\n",
               word.substr(0, 64), near.empty() ? ";" : hint);
    return exit_usage;
}

}  // namespace

std::span<const Command> commands() {
    return kCommands;
}

std::string nearest(std::string_view word) {
    std::vector<std::string> names;
    for (const auto& command : kCommands) {
        if (word.size() >= 2 && command.name.starts_with(word)) return std::string(command.name);
        names.emplace_back(command.name);
    }
    return run::nearest_word(word, names);
}

std::optional<int> run_command(const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.front().starts_with("-")) return std::nullopt;
    const auto& word = arguments.front();
    for (const auto& command : kCommands) {
        if (command.name == word) return command.run({arguments.begin() + 1, arguments.end()});
    }
    return unknown(word);
}

std::string command_list() {
    std::string text = "commands, which ask a running gateway (ipref-gw COMMAND -h tells more):\n";
    for (const auto& command : kCommands) {
        text += fmt::format("  {:<10}{}\n", command.name, command.summary);
    }
    return text;
}

run::Flags flags_of(std::string_view command, std::string_view summary, Common& common) {
    run::Flags flags(fmt::format("ipref-gw {}", command), "[options]", std::string(summary));
    flags.text("mapper-socket", "PATH", common.mapper_socket, "mapper socket of the gateway.");
    flags.boolean("json", common.json, "print JSON, for programs.");
    return flags;
}

std::optional<int> read_options(const run::Flags& flags,
                                const std::vector<std::string>& arguments) {
    const auto parsed = flags.parse(arguments);
    if (!parsed) {
        fmt::print(stderr, "{}: {}\n", flags.program(), parsed.error().text);
        return exit_usage;
    }
    if (parsed->help) return print(flags.usage());
    if (!parsed->rest.empty()) {
        fmt::print(stderr, "{}: unexpected argument \"{}\"; {} -h lists the options\n",
                   flags.program(), parsed->rest.front(), flags.program());
        return exit_usage;
    }
    return std::nullopt;
}

int ended_by(const Trouble& trouble) {
    fmt::print(stderr, "ipref-gw: {}\n", trouble.text);
    return trouble.status;
}

int print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0) {
        return exit_ok;
    }
    fmt::print(stderr, "ipref-gw: standard output: {}\n", strerror(errno));
    return exit_failed;
}

}  // namespace ipref::gw::admin
