// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the programs' man pages and completions, made of their tables of options.
//
//   ipref-manual SOURCES OUT    SOURCES: the folder of PROGRAM.SECTION files with what stands
//                               behind the options of a page, and whole pages PAGE.SECTION.in
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/run/manual.h"
#include "common/run/version.h"
#include "dns-agent/options.h"
#include "gw/admin/command.h"
#include "gw/options.h"
#include "resolver/program.h"

namespace {

namespace fs = std::filesystem;
using namespace ipref;

std::string read(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error(fmt::format("{}: cannot be read", path.string()));
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
}

/// Pages that no program has: `@release@` is put in.
void whole_pages(const fs::path& sources, const fs::path& out) {
    for (const auto& entry : fs::directory_iterator(sources)) {
        if (entry.path().extension() != ".in") continue;
        auto text = read(entry.path());
        constexpr std::string_view kMark = "@release@";
        for (size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) {
            text.replace(at, kMark.size(), run::kRelease);
        }
        const auto page = entry.path().stem();  // "corefile.5"
        write(out / ("man/man" + page.extension().string().substr(1)) / page, text);
    }
}

void program(const run::Flags& flags, const std::vector<run::Subcommand>& commands,
             const fs::path& sources, const fs::path& out) {
    const auto& name = flags.program();
    write(out / "man/man8" / (name + ".8"),
          run::man_page(flags, {8, run::kRelease, read(sources / (name + ".8"))}));
    write(out / "bash" / name, run::bash_completion(flags, commands));
    write(out / "zsh" / ("_" + name), run::zsh_completion(flags, commands));
    write(out / "fish" / (name + ".fish"), run::fish_completion(flags, commands));
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = run::arguments_of(argc, argv);
    if (arguments.size() != 2) {
        fmt::print(stderr, "usage: ipref-manual SOURCES OUT\n");
        return 2;
    }
    const fs::path sources = arguments[0];
    const fs::path out = arguments[1];
    try {
        std::vector<run::Subcommand> commands;
        for (const auto& command : gw::admin::commands()) {
            commands.push_back({std::string(command.name), std::string(command.summary), nullptr});
        }
        program(gw::option_table(), commands, sources, out);
        agent::Options agent_options;
        program(agent::option_table(agent_options), {}, sources, out);
        resolver::ProgramOptions resolver_options;
        program(resolver::program_flags(resolver_options), {}, sources, out);
        whole_pages(sources, out);
    } catch (const std::exception& error) {
        fmt::print(stderr, "ipref-manual: {}\n", error.what());
        return 1;
    }
    return 0;
}
