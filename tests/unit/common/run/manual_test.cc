// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/manual.h"

#include <catch2/catch.hpp>

using namespace ipref::run;

namespace {

struct Tables {
    bool json = false;
    std::string file = "/etc/x";
    uint32_t port = 53;
    Flags program{"prog", "[options] THING", ".starts with a dot. More of it's told here."};
    Flags status{"prog status", "[options]", "what it does now."};

    Tables() {
        program.text("conf", "FILE", file, "the file; read once.");
        program.number("port", port, 1, 65535, "port [of 2]: where.");
        status.boolean("json", json, "as JSON.");
    }
    std::vector<Subcommand> commands() const {
        return {{"status", "what it does now.", &status}, {"stop", "ends it.", nullptr}};
    }
};

bool holds(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return true;
}

}  // namespace

TEST_CASE("a man page has every option, and no text is taken for a request", "[manual]") {
    const Tables tables;
    const auto page = man_page(tables.program, {8, "1.2", ".SH FILES\nnone\n"});
    CHECK(page.starts_with(".TH PROG 8 \"\" \"IPREF 1.2\"\n"));
    holds(page, "prog \\- \\&.starts with a dot\n");
    holds(page, "\n\\&.starts with a dot. More of it's told here.\n");
    holds(page, ".TP\n.B \\-conf \\fIFILE\\fR\nthe file; read once.\nDefault: /etc/x.\n");
    holds(page, ".TP\n.B \\-port \\fIN\\fR\n");
    CHECK(page.ends_with(".SH FILES\nnone\n"));
    CHECK(man_page(tables.status, {1, "1.2", ""}).starts_with(".TH PROG\\-STATUS 1 "));
}

TEST_CASE("completions know options and sub-commands", "[manual]") {
    const Tables tables;
    const auto bash = bash_completion(tables.program, tables.commands());
    holds(bash, "status) words='-json' ;;");
    holds(bash, "*) words='-conf -port' ;;");
    holds(bash, "words+=' status stop'");
    holds(bash, "-conf) COMPREPLY");
    holds(bash, "complete -F _prog prog\n");
    const auto zsh = zsh_completion(tables.program, tables.commands());
    holds(zsh, "#compdef prog\n");
    holds(zsh, "'-conf[the file]:FILE:_files'");
    holds(zsh, "'-port[port of 2 where]:N:'");
    holds(zsh, "'stop:ends it'");
    const auto fish = fish_completion(tables.program, tables.commands());
    holds(fish, "complete -c prog -n __fish_use_subcommand -o conf -r -F -d 'the file'\n");
    holds(fish, "complete -c prog -n '__fish_seen_subcommand_from status' -o json -d 'as JSON'\n");
    holds(bash_completion(tables.status, {}), "words='-json'");
}
