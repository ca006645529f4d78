// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/hosts/parser.h"

#include "../mapping/fixture.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

HostsFile parse(std::string_view text) {
    return parse_hosts(text, "hosts", site());
}

}  // namespace

TEST_CASE("lines that are mappings", "[hosts]") {
    const std::vector<std::pair<std::string_view, StaticMapping>> good = {
        {"192.168.10.21  web  #= pub 203.0.113.5 + 1025",
         local("192.168.10.21", "203.0.113.5", "1025")},
        {"192.168.10.22  ssh  #= pub + 1026", local("192.168.10.22", "203.0.113.1", "1026")},
        {"192.168.10.23  db   #= pub 1027", local("192.168.10.23", "203.0.113.1", "1027")},
        {"10.240.8.22 remote  #= ext 198.51.100.9 + 22",
         remote("10.240.8.22", "198.51.100.9", "22")},
        {"192.168.10.21 #= public 1025", local("192.168.10.21", "203.0.113.1", "1025")},
        {"10.240.8.22 #= external 198.51.100.9+22", remote("10.240.8.22", "198.51.100.9", "22")},
        {"192.168.10.21 web#=pub 1025", local("192.168.10.21", "203.0.113.1", "1025")},
        {"\t192.168.10.21\tweb\twww\t#=\tpub\t+\t1-22 \r",
         local("192.168.10.21", "203.0.113.1", "1-22")},
        {"192.168.10.21 #= pub +ab-cdef--1 # and a comment",
         local("192.168.10.21", "203.0.113.1", "ab-cdef--1")},
    };
    for (const auto& [line, mapping] : good) {
        CAPTURE(line);
        const auto file = parse(line);
        CHECK(file.errors == std::vector<std::string>{});
        REQUIRE(file.mappings.size() == 1);
        CHECK((file.mappings[0] == mapping));
    }
}

TEST_CASE("lines that are ignored", "[hosts]") {
    for (const auto* line : {"", "   ", "127.0.0.1 localhost", "# 192.168.1.1 web #= pub 5",
                             "192.168.1.1 web # was #= pub 5", "#=========", "  #= pub 5",
                             "192.168.10.24 printer #= loc", "192.168.10.24 #= local whatever",
                             "not an address at all", "192.168.1.1 web #"}) {
        CAPTURE(line);
        CHECK(parse(line).errors.empty());
        CHECK(parse(line).mappings.empty());
    }
}

TEST_CASE("lines with errors", "[hosts]") {
    const std::vector<std::pair<std::string_view, std::string_view>> bad = {
        {"192.168.10 web #= pub 5", "bad IP address \"192.168.10\""},
        {"web #= pub 5", "bad IP address \"web\""},
        {"fe80::1%eth0 #= pub 5", "bad IP address \"fe80::1%eth0\""},
        {"192.168.1.1 #= publ 5", "unknown type \"publ\""},
        {"192.168.1.1 #=", "unknown type \"\""},
        {"192.168.1.1 #= PUB 5", "unknown type \"PUB\""},
        {"192.168.1.1 #= pub", "missing ref"},
        {"192.168.1.1 #= pub +", "missing ref"},
        {"192.168.1.1 #= pub 203.0.113.5 +", "missing ref"},
        {"192.168.1.1 #= pub 203.0.113.5 5", "after the ref"},
        {"192.168.1.1 #= pub + 5 6", "after the ref"},
        {"192.168.1.1 #= pub + 5 + 6", "after the ref"},
        {"192.168.1.1 #= pub a b + 6", "more than one word before"},
        {"192.168.1.1 #= pub + 0x5", "bad ref \"0x5\""},
        {"192.168.1.1 #= pub + 340282366920938463463374607431768211456", "bad ref"},
        {"192.168.1.1 #= pub 203.0.113.5", "bad ref"},
        {"192.168.1.1 #= pub gw.example.com + 5", "bad gateway address \"gw.example.com\""},
        {"192.168.1.1 #= pub 0.0.0.0 + 5", "not a unicast"},
        {"192.168.1.1 #= pub 224.0.0.1 + 5", "not a unicast"},
        {"192.168.1.1 #= pub 127.0.0.1 + 5", "not a unicast"},
        {"192.168.1.1 #= pub 255.255.255.255 + 5", "not a unicast"},
        {"192.168.1.1 #= pub 10.240.1.1 + 5", "inside the encode network"},
        {"192.168.1.1 #= pub 2001:db8::1 + 5", "wrong family"},
        {"fd00::1 #= pub + 5", "wrong family"},
        {"10.240.1.1 #= pub + 5", "inside the encode network"},
        {"224.0.0.1 #= pub + 5", "not a unicast"},
        {"fd00::1 #= ext 198.51.100.9 + 22", "wrong family"},
        {"10.239.1.1 #= ext 198.51.100.9 + 22", "outside the encode network 10.240.0.0/12"},
        {"10.240.0.1 #= ext 198.51.100.9 + 22", "the gateway's own"},
        {"10.240.1.1 #= ext + 22", "missing gateway"},
        {"10.240.1.1 #= ext 22", "missing gateway"},
        {"10.240.1.1 #= ext 10.240.1.2 + 22", "inside the encode network"},
    };
    for (const auto& [line, error] : bad) {
        CAPTURE(line);
        const auto file =
            parse("192.168.1.7 #= pub 7\n" + std::string(line) + "\n192.168.1.8 #= pub 8");
        REQUIRE(file.errors.size() == 1);
        CHECK_THAT(file.errors[0], Catch::Matchers::StartsWith("hosts:2: "));
        CHECK_THAT(file.errors[0], Catch::Contains(std::string(error)));
        CHECK(file.mappings.size() == 2);  // the other lines hold
    }
}

TEST_CASE("without a gateway address, a public host has one mapping for each of ours", "[hosts]") {
    MappingConfig config = site();
    config.gateways = {ip("203.0.113.1"), ip("::")};
    const auto file = parse_hosts("192.168.1.7 #= pub 7", "hosts", config);
    REQUIRE(file.mappings.size() == 2);
    CHECK((file.mappings[0] == local("192.168.1.7", "203.0.113.1", "7")));
    CHECK((file.mappings[1] == local("192.168.1.7", "::", "7")));
}

TEST_CASE("errors are bounded in number and length", "[hosts]") {
    std::string text;
    for (int i = 0; i < 1500; i++) text += "x" + std::string(1000, 'y') + " #= pub 1\n";
    const auto file = parse(text);
    CHECK(file.errors.size() == 1001);
    CHECK(file.errors.back() == "hosts: 500 more lines with errors");
    const std::string longest(1000, 'z');
    for (const auto& line :
         {longest + " #= pub 1", "192.168.1.1 #= " + longest, "192.168.1.1 #= pub + " + longest,
          "192.168.1.1 #= pub a " + longest, "192.168.1.1 #= pub " + longest + " + 1"}) {
        CAPTURE(line);
        REQUIRE(parse(line).errors.size() == 1);
        CHECK(parse(line).errors[0].size() < 300);
    }
}

TEST_CASE("files that cannot be read", "[hosts]") {
    CHECK(read_hosts("/nonexistent/hosts", site()).error().text ==
          "/nonexistent/hosts: No such file or directory");
    CHECK(read_hosts("/", site()).error().text == "/: not a file");
}
