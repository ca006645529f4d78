// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/template/text_template.h"

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;

namespace {

TemplateData data() {
    return {.name = "a.test.",
            .zone = "test.",
            .klass = "IN",
            .type = "A",
            .remote = "192.0.2.1",
            .match = {"a.test.", "a"},
            .group = {{"n", "ff"}, {"1", "a"}},
            .meta = [](std::string_view label) { return "<" + std::string(label) + ">"; }};
}

std::string made_of(std::string_view source) {
    const auto made = TextTemplate::parse(source, "answer");
    if (!made) return "!" + made.error().text;
    const auto text = made->run(data());
    return text ? *text : "?" + text.error().text;
}

}  // namespace

TEST_CASE("Templates: values", "[template]") {
    CHECK(made_of("plain }} text") == "plain }} text");
    CHECK(made_of("{{ .Name }} {{.Zone}}{{ .Class}} {{ .Type }} {{ .Remote }}") ==
          "a.test. test.IN A 192.0.2.1");
    CHECK(
        made_of("{{ .Group.n }} {{ .Group.none }} {{ index .Group \"n\" }} {{ index .Match 1 }}") ==
        "ff <no value> ff a");
    CHECK(made_of("{{ parseInt .Group.n 16 8 }}") == "255");
    CHECK(made_of("{{ .Group.n | len }} {{ len .Match }} {{ .Match }} {{ .Group }}") ==
          "2 2 [a.test. a] map[1:a n:ff]");
    CHECK(made_of("{{ .Meta \"x/y\" }}") == "<x/y>");
    CHECK(made_of("{{ \"a\\\"}}\" }}{{ `b` }}{{ 0x10 }}{{ true }}") == "a\"}}b16true");
    CHECK(made_of("a {{- /* a comment */ -}} b") == "ab");
    CHECK(made_of("a  {{- .Type -}}  b") == "aAb");
}

TEST_CASE("Templates: choices", "[template]") {
    CHECK(made_of("{{ if eq .Type \"A\" }}yes{{ else }}no{{ end }}") == "yes");
    CHECK(made_of("{{ if (and .Group.n (not .Group.none)) }}x{{ end }}.") == "x.");
    const auto* chain = "{{ if eq .Type \"X\" }}1{{ else if ne .Type \"A\" }}2{{ else }}3{{ end }}";
    CHECK(made_of(chain) == "3");
    CHECK(made_of("{{ if .Group.none }}a{{ end }}b{{ if or .Group.none 1 }}c{{ end }}") == "bc");
}

TEST_CASE("Templates: what is refused", "[template]") {
    CHECK(made_of("{{ upper .Name }}") == "!template: answer:1: function \"upper\" not defined");
    CHECK_THAT(made_of("a\n{{ .Nam }}"), Contains("answer:2: \".Nam\" is not known"));
    CHECK_THAT(made_of("{{ .Name"), Contains("unclosed action"));
    CHECK_THAT(made_of("{{ }}"), Contains("missing value"));
    CHECK_THAT(made_of("{{ \"x }}"), Contains("unclosed action"));
    CHECK_THAT(made_of("{{ index .Match }}"), Contains("wrong number of args"));
    CHECK_THAT(made_of("{{ .Name .Zone }}"), Contains("unexpected"));
    CHECK_THAT(made_of("{{ (.Name }}"), Contains("unclosed left paren"));
    CHECK_THAT(made_of("{{ if .Name }}"), Contains("without {{end}}"));
    CHECK_THAT(made_of("{{ end }}"), Contains("unexpected {{end}}"));
    CHECK_THAT(made_of(std::string(5000, '(').insert(0, "{{ ") + " }}"), Contains("deep"));
    std::string nested;
    for (int i = 0; i < 100; i++) nested += "{{ if .Name }}";
    CHECK_THAT(made_of(nested), Contains("nested too deep"));
}

TEST_CASE("Templates: what cannot be worked out", "[template]") {
    CHECK_THAT(made_of("{{ index .Match 2 }}"), Contains("?index out of range"));
    CHECK_THAT(made_of("{{ parseInt \"100\" 16 8 }}"), Contains("?parseInt"));
    CHECK_THAT(made_of("{{ parseInt \"-1\" 10 8 }}"), Contains("?parseInt"));
    CHECK_THAT(made_of("{{ parseInt \"1\" 99 8 }}"), Contains("?parseInt"));
}

TEST_CASE("Plugin template follows its aliases and falls through", "[template]") {
    test::ResolverBench bench;
    bench.open(
        "test {\n template IN ANY alias.test {\n"
        "  answer \"{{ .Name }} 60 IN CNAME target.test.\"\n }\n"
        " template IN A {\n  match \"^(?P<who>[a-z]+)[.]test[.]$\"\n"
        "  answer \"{{ .Name }} (60 IN\n A) 192.0.2.1\"\n  fallthrough a.b.test\n }\n whoami\n}\n");
    CHECK(bench.get("alias.test", dns::rr::kA).answer ==
          Lines{"alias.test. 60 IN CNAME target.test.", "target.test. 60 IN A 192.0.2.1"});
    CHECK(bench.get("alias.test", dns::rr::kTxt).answer.size() == 1);
    CHECK(bench.get("a.b.test", dns::rr::kA).additional.size() == 2);
    CHECK(bench.get("c.b.test", dns::rr::kA).rcode == "SERVFAIL");
}

TEST_CASE("Corefiles that plugin template refuses", "[template]") {
    const auto of = [](const std::string& head, const std::string& line) {
        return test::refusal(". {\n template " + head + " {\n  " + line + "\n }\n}\n");
    };
    CHECK_THAT(of("in A", "rcode NXDOMAIN"), Contains("invalid query class in"));
    CHECK_THAT(of("IN a", "rcode NXDOMAIN"), Contains("invalid RR type a"));
    CHECK_THAT(of("IN A", "match ("), Contains("could not parse regex"));
    CHECK_THAT(of("IN A", "rcode NOPE"), Contains("unknown rcode NOPE"));
    CHECK_THAT(of("IN A", "ederror x"), Contains("extended DNS error code"));
    CHECK_THAT(of("IN A", "answer \"{{ .X }}\""), Contains("could not compile template"));
    CHECK_THAT(of("IN A", "anwser x"), Contains("is it 'answer'?"));
}
