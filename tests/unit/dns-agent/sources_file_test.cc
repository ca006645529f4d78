// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/sources_file.h"

#include <fstream>

#include "dns-agent/options.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::agent;

namespace {

std::string refused(std::string_view text) {
    std::vector<Source> sources;
    const auto parsed = parse_source_lines(text, sources);
    return parsed ? "accepted" : parsed.error().text;
}

}  // namespace

TEST_CASE("sources one a line, with comments", "[sources_file]") {
    std::vector<Source> sources;
    REQUIRE(parse_source_lines("# head\n\na:b:192.0.2.1\r\n\t c:d:ns.d # why\n#e:f:g\nlast:x:y",
                               sources));
    REQUIRE(sources.size() == 3);
    CHECK(sources[0].str() == "a:b");
    CHECK(sources[1].servers[0].str() == "ns.d:53");
    CHECK(sources[2].str() == "last:x");
}

TEST_CASE("a bad line is named", "[sources_file]") {
    CHECK(refused("a:b:c\n\nx\n") ==
          "line 3: source \"x\": there is no \":\" behind LOCAL; write "
          "LOCAL:PUBLIC:SERVER[:PORT][/query][,...]");
    CHECK(refused("a:b:c\nA:B:d\n").rfind("line 2: source \"A:B:d\": a:b stands there twice", 0) ==
          0);
    CHECK(refused("a:b:c d:e:f").rfind("line 1: ", 0) == 0);
}

TEST_CASE("the file adds to the command line; what is wrong with it is said", "[sources_file]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("sources");
    const auto parse = [&] { return parse_options({"-sources", path, "a:b:c"}); };
    CHECK(parse().error().text ==
          "sources file " + path + " cannot be read: No such file or directory");
    std::ofstream(path) << "d:e:f\n";
    const auto both = parse();
    REQUIRE(both);
    CHECK(both->sources.size() == 2);
    CHECK(both->given_sources.size() == 1);
    std::ofstream(path) << "a:b:c\n";  // the command line's
    CHECK(parse().error().text.rfind("sources file " + path + ", line 1: source \"a:b:c\"", 0) ==
          0);
    std::ofstream(path) << std::string(kMostSourceBytes + 1, '#');
    CHECK(parse().error().text.find("is larger than") != std::string::npos);
    CHECK(parse_options({"-sources", directory.path().string()})
              .error()
              .text.find("cannot be read") != std::string::npos);
}
