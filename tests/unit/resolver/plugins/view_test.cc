// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/view/expression.h"

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;

namespace {

Request request() {
    Request out;
    out.client = *net::Endpoint::parse("192.168.1.7:5000", 0);
    out.local = *net::Endpoint::parse("[2001:db8::1]:53", 0);
    out.name = *Name::parse("WWW.example.org");
    out.lower = out.name.lower();
    out.type = dns::rr::kAaaa;
    out.klass = dns::klass::kIn;
    out.id = 77;
    out.edns.present = true;
    out.edns.udp_size = 1232;
    out.edns.dnssec_ok = true;
    return out;
}

/// "yes", "no", or the error.
std::string tell(std::string_view expression) {
    const auto made = view::parse(expression);
    if (!made) return made.error().text;
    return view::is_true(**made, request()) ? "yes" : "no";
}

const char* const kTrue[] = {
    "client_ip() == '192.168.1.7'",
    "incidr(client_ip(), '192.168.0.0/16')",
    "incidr(server_ip(), \"2001:db8::/32\")",
    "!incidr(server_ip(), '10.0.0.0/8') && not incidr(client_ip(), '::/0')",
    "name() == 'www.example.org.' and type() in ['A', 'AAAA']",
    "type() not in ['TXT']",
    "name() matches '^www[.]' && name() contains 'example'",
    "name() startsWith 'www' or false",
    "name() endsWith '.org.'",
    "port() == '5000' && server_port() == '53' && proto() == 'udp' && class() == 'IN'",
    "do() && bufsize() == 1232 && size() < 1 && id() >= 77 && id() <= 77 && opcode() == 0",
    "metadata('view/name') == ''",
    "(false || true) && !(true && false)",
    "'it\\'s' != 'its'",
    "true or do() == false",
    "-1 < 0",
};

struct Bad {
    const char* expression;
    const char* error;
};
const Bad kBad[] = {
    {"", "unexpected end of the expression (1:0)"},
    {"client_ip() ==", "unexpected end of the expression (1:14)"},
    {"client_ip() = 'a'", "unexpected \"=\""},
    {"client_ip()", "a condition is expected, this is a text"},
    {"nobody() == 'a'", "unknown name nobody"},
    {"nobody == 'a'", "functions need ()"},
    {"port() == 53", "mismatched types text and number"},
    {"do() < true", "< is no test of bools"},
    {"size() && do()", "&& is between conditions, not a number"},
    {"!name()", "! is before a condition"},
    {"name() matches '('", "error parsing regexp"},
    {"name() matches type()", "literal pattern"},
    {"type() in 'A'", "a list is expected"},
    {"type() in ['A', 1]", "a list of text is expected"},
    {"type() in ['A'", "unexpected end"},
    {"size() contains 'a'", "contains is between texts"},
    {"incidr(client_ip(), '192.0.2.0')", "the second argument of incidr"},
    {"incidr(client_ip())", "incidr takes an address and a prefix"},
    {"do(1)", "do() takes no arguments"},
    {"(do()", "unexpected end"},
    {"'a == 'b'", "unexpected \"b\""},
    {"do() do()", "unexpected \"do\""},
    {"99999999999999999999 == 1", "unexpected"},
};

}  // namespace

TEST_CASE("Expressions of views that hold", "[view]") {
    for (const auto* expression : kTrue) {
        INFO(expression);
        CHECK(tell(expression) == "yes");
        CHECK(tell("!(" + std::string(expression) + ")") == "no");
    }
}

TEST_CASE("Expressions of views that are refused", "[view]") {
    for (const auto& row : kBad) {
        INFO(row.expression);
        CHECK_THAT(tell(row.expression), Contains(row.error));
    }
    CHECK_THAT(tell(std::string(100'000, '(')), Contains("more than 8 KB"));
    CHECK_THAT(tell(std::string(8000, '(')), Contains("nested too deep"));
    CHECK_THAT(tell(std::string(8000, '!')), Contains("nested too deep"));
}

TEST_CASE("Blocks of one zone are chosen by their views, then those of the zone above", "[view]") {
    const auto block = [](const std::string& zone, const std::string& view, const char* address) {
        return zone + " {\n" + (view.empty() ? "" : " view v {\n  expr " + view + "\n }\n") +
               " template IN A {\n  answer \"{{ .Name }} 60 IN A " + address + "\"\n }\n}\n";
    };
    test::ResolverBench bench;  // its client is 192.0.2.200
    bench.open(block("a.test", "name() == 'x.a.test.'", "192.0.2.1") +
               block("a.test", "incidr(client_ip(), '198.51.100.0/24')", "192.0.2.2") +
               block("test", "", "192.0.2.3") + block("b.test", "!do()", "192.0.2.4") +
               block("b.test", "", "192.0.2.5"));
    CHECK(bench.get("x.a.test", dns::rr::kA).answer == Lines{"x.a.test. 60 IN A 192.0.2.1"});
    CHECK(bench.get("y.a.test", dns::rr::kA).answer == Lines{"y.a.test. 60 IN A 192.0.2.3"});
    CHECK(bench.get("b.test", dns::rr::kA).answer == Lines{"b.test. 60 IN A 192.0.2.4"});
}

TEST_CASE("Corefiles with views that are refused", "[view]") {
    const std::string view = " view a {\n  expr do()\n }\n";
    CHECK_THAT(test::refusal(". {\n" + view + view + " whoami\n}\n"),
               Contains("can only be used once"));
    CHECK_THAT(test::refusal(". {\n whoami\n}\n. {\n" + view + " whoami\n}\n"),
               Contains("blocks that have a view stand before"));
    CHECK_THAT(test::refusal(". {\n view\n whoami\n}\n"), Contains("Wrong argument count"));
    CHECK_THAT(test::refusal(". {\n view a {\n  expr\n }\n whoami\n}\n"),
               Contains("Wrong argument count"));
}

TEST_CASE("The view's name is metadata", "[view]") {
    test::ResolverBench bench;
    bench.open(
        ". {\n metadata a.test\n view inside {\n  expr true\n }\n template IN TXT {\n"
        "  answer \"{{ .Name }} 60 IN TXT \\\"{{ .Meta `view/name` }}\\\"\"\n }\n}\n");
    CHECK(bench.get("a.test", dns::rr::kTxt).answer == Lines{"a.test. 60 IN TXT \"inside\""});
    CHECK(bench.get("b.test", dns::rr::kTxt).answer == Lines{"b.test. 60 IN TXT \"\""});
}
