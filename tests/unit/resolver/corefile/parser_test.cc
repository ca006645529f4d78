// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/parser.h"

#include "resolver/corefile/lexer.h"
#include "unit/catch.h"
#include "unit/resolver/corefile/memory_sources.h"

using namespace ipref;
using namespace ipref::resolver;
using test::MemorySources;

namespace {

std::optional<std::string> known(const std::string& name) {
    for (const auto* word : {"log", "errors", "forward", "file", "whoami"}) {
        if (name == word) return std::nullopt;
    }
    return ", is it something else?";
}

Result<Corefile> parse(std::string_view text, const MemorySources& memory = {}) {
    return parse_corefile(text, "Corefile", memory.sources(), known);
}

/// The error, or "" if there is none.
std::string refusal(std::string_view text, const MemorySources& memory = {}) {
    const auto parsed = parse(text, memory);
    return parsed ? "" : parsed.error().text;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> warnings;
    const auto tokens = lex(text, std::make_shared<const std::string>("f"), warnings);
    REQUIRE(tokens);
    std::vector<std::string> out;
    for (const auto& token : *tokens) {
        out.push_back(fmt::format("{}:{} {}", token.at.line, token.at.column, token.text));
    }
    return out;
}

std::vector<std::string> texts(const std::vector<Token>& tokens) {
    std::vector<std::string> out;
    for (const auto& token : tokens) out.push_back(token.text);
    return out;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("Words have places, and quotes only at their beginning mean something", "[corefile]") {
    CHECK(words("a b\n  c") == Words{"1:1 a", "1:3 b", "2:3 c"});
    CHECK(words("\"a b\" c") == Words{"1:1 a b", "1:7 c"});
    CHECK(words("a\"b c\"") == Words{"1:1 a\"b", "1:5 c\""});
    CHECK(words(R"("a\"b" "\d\\")") == Words{R"(1:1 a"b)", R"(1:8 \d\\)"});
    CHECK(words("\"\" x") == Words{"1:1 ", "1:4 x"});
    CHECK(words("\"a\nb\" c") == Words{"1:1 a\nb", "2:4 c"});
    CHECK(words("\xef\xbb\xbf"
                "a\r\nb") == Words{"1:1 a", "2:1 b"});
    CHECK(words("a\u00a0b\u2003c") == Words{"1:1 a", "1:4 b", "1:8 c"});
    CHECK(words("# all\n a # rest\nb").size() == 2);
}

TEST_CASE("A hash inside a word hides the rest of that word, and is warned of", "[corefile]") {
    std::vector<std::string> warnings;
    const auto tokens = lex("1.1.1.1#853 log", std::make_shared<const std::string>("f"), warnings);
    REQUIRE(tokens);
    CHECK(texts(*tokens) == Words{"1.1.1.1", "log"});
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].starts_with("f:1:1 - '#' inside a word"));
}

TEST_CASE("An open quote is named where it opens", "[corefile]") {
    CHECK(refusal(". {\n log \"abc\n}\n") ==
          "Corefile:2:6 - Syntax error: the quote that opens here is never closed");
}

TEST_CASE("Uses of a directive are collected in order", "[corefile]") {
    const auto file =
        parse("a.test b.test:53,\nc.test {\n log x\n errors\n log y {\n class all\n}\n}");
    REQUIRE(file);
    REQUIRE(file->blocks.size() == 1);
    const auto& block = file->blocks[0];
    CHECK(texts(block.keys) == Words{"a.test", "b.test:53", "c.test"});
    REQUIRE(block.find("log") != nullptr);
    CHECK(texts(block.find("log")->tokens) ==
          Words{"log", "x", "log", "y", "{", "class", "all", "}"});
    CHECK(block.find("log")->uses == 2);
    CHECK(block.find("file") == nullptr);
    CHECK(block.find("log")->tokens[2].at.str() == "Corefile:5:2");
}

TEST_CASE("Blocks without braces, without body, with the brace on the next line", "[corefile]") {
    CHECK(parse("a.test\nlog\nerrors\n")->blocks[0].directives.size() == 2);
    CHECK(parse("a.test")->blocks[0].directives.empty());
    CHECK(parse("a.test { }\nb.test\n{\n log\n}")->blocks.size() == 2);
    CHECK(parse("")->blocks.empty());
    CHECK(parse("# nothing\n")->blocks.empty());
}

TEST_CASE("Slips get their own messages", "[corefile]") {
    struct Slip {
        const char* text;
        const char* says;
    };
    const Slip slips[] = {
        {". {\n log\n",
         "Corefile:2:2 - Syntax error: Unexpected token 'log', expecting '}': the file ends, and "
         "the "
         "brace of Corefile:1:3 is still open"},
        {". {\n forward . 1 {\n x 1\n}\n",
         "Corefile:4:1 - Syntax error: Unexpected token '}', expecting '}'"},
        {". {\n log\n}\n}\n",
         "Corefile:4:1 - Syntax error: Unexpected token '}': no block is open"},
        {"a.test{\n log\n}\n", "Corefile:1:1 - Error during parsing: 'a.test{' is no zone"},
        {". { log }\n", "Corefile:1:9 - Error during parsing: Unexpected '}' because no matching"},
        {". {\n log\n {\n }\n}\n",
         "Corefile:3:2 - Error during parsing: '{' must stand on the line of 'log'"},
        {"a.test, {\n}\n", "Corefile:1:9 - Error during parsing: Expected another address"},
        {"a.test,\n", "Corefile:1:1 - Error during parsing: Unexpected EOF"},
        {". {\n lgo\n}\n",
         "Corefile:2:2 - Error during parsing: Unknown directive 'lgo', is it something else?"},
        {". {\n forward . 1 {\n x", "Corefile:3:2 - Error during parsing: Unexpected EOF"},
        {"(a) {\n log\n}\n(a) {\n}\n", "Corefile:4:1 - Error during parsing: redeclaration"},
        {"{\n log\n}\n", "Corefile:1:1 - Syntax error: Unexpected token '{', expecting 'a zone'"},
        {"(a)\nlog\n", "Corefile:2:1 - Syntax error: Unexpected token 'log', expecting '{'"},
        {"a.test {\n}\nb.test\nlog\n", "Corefile:4:1 - Syntax error: Unexpected token 'log'"},
    };
    for (const auto& slip : slips) {
        INFO(slip.text);
        CHECK_THAT(refusal(slip.text), Catch::Matchers::StartsWith(slip.says));
    }
}

TEST_CASE("Variables are put in once, each as a single word", "[corefile]") {
    MemorySources memory;
    memory.variables = {{"Z", "x.test"}, {"W", "two words"}, {"R", "{$Z}"}};
    const auto file = parse("{$Z} {\n log \"{%W%}\" {$R} {$} a{$Z}b {{$NO}}\n}", memory);
    REQUIRE(file);
    CHECK(file->blocks[0].keys[0].text == "x.test");
    CHECK(texts(file->blocks[0].find("log")->tokens) ==
          Words{"log", "two words", "{$Z}", "{$}", "ax.testb", "{}"});
    CHECK_THAT(refusal("{$W} {\n}", memory), Catch::Matchers::Contains("with blanks in it"));
    memory.variables["D"] = "log";
    CHECK(parse("a {\n {$D} x\n}", memory)->blocks[0].find("log") != nullptr);
}

TEST_CASE("Imports: files beside the importing one, patterns, snippets", "[corefile]") {
    MemorySources memory;
    memory.files = {{"d/a.core", "a.test {\n import b.part\n}\n"},
                    {"d/b.part", "log\nerrors"},
                    {"d/c.core", "c.test {\n}\n"}};
    const auto file =
        parse("(s) {\n log .\n}\nimport d/*.core\nz.test {\n import s\n whoami\n}\n", memory);
    REQUIRE(file);
    REQUIRE(file->blocks.size() == 3);
    CHECK(file->blocks[0].directives.size() == 2);
    CHECK(file->blocks[0].find("errors")->tokens[0].at.str() == "d/b.part:2:1");
    CHECK(file->blocks[1].keys[0].text == "c.test");
    CHECK(texts(file->blocks[2].find("log")->tokens) == Words{"log", "."});
    CHECK(file->blocks[2].find("whoami") != nullptr);
    CHECK(file->text.find("errors") != std::string::npos);

    const auto empty = parse("import e/*.core\na.test\n", memory);
    REQUIRE(empty);
    CHECK(empty->warnings == Words{"No files matching import glob pattern: e/*.core"});
    CHECK_THAT(refusal("import nothing\n", memory),
               Catch::Matchers::EndsWith("File to import not found: nothing"));
    CHECK_THAT(refusal("import */*.core\n", memory),
               Catch::Matchers::Contains("only contain one wildcard"));
    CHECK_THAT(refusal("import a b\n", memory), Catch::Matchers::Contains("only one argument"));
    CHECK_THAT(refusal("import\n", memory), Catch::Matchers::Contains("after 'import'"));
    CHECK_THAT(refusal("import {$NO}\n", memory), Catch::Matchers::Contains("non-empty"));
}

TEST_CASE("Imports end, however they are nested", "[corefile]") {
    MemorySources memory;
    memory.files = {{"loop", "import loop\nlog\n"}};
    CHECK_THAT(refusal(". {\n import loop\n}\n", memory),
               Catch::Matchers::Contains("does a file import itself?"));
    // Each snippet doubles the one before.
    std::string text = "(s0) {\n log a b c d e f g h\n}\n";
    for (int i = 1; i < 40; i++) {
        text += fmt::format("(s{}) {{\n import s{}\n import s{}\n}}\n", i, i - 1, i - 1);
    }
    CHECK_THAT(refusal(text + ". {\n import s39\n}\n"), Catch::Matchers::Contains("too often"));
}
