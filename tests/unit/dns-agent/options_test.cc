// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/options.h"

#include <fstream>

#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::agent;

namespace {

std::string refused(std::vector<std::string> arguments) {
    const auto options = parse_options(arguments);
    return options ? "accepted" : options.error().text;
}

}  // namespace

TEST_CASE("defaults and all options", "[agent_options]") {
    const auto bare = parse_options({}).value();
    CHECK(bare.mapper_path == "/run/ipref/mapper.sock");
    CHECK(bare.interval_minutes == 59);
    CHECK(bare.families.ea == net::Family::v4);
    CHECK(bare.sources.empty());
    const auto full =
        parse_options({"-m", "unix:///tmp/m.sock", "-t", "5", "-ea-ipver", "6", "-gw-ipver=6",
                       "-debug", "-devmode", "-time-stamps", "-metrics", "127.0.0.1:9100",
                       "-log-format", "json", "-mapper-protocol", "v1", "-resolver",
                       "192.0.2.1,[2001:db8::1]:54", "internal:example.com:192.0.2.1"})
            .value();
    CHECK(full.mapper_path == "/tmp/m.sock");
    CHECK(full.interval_minutes == 5);
    CHECK(full.families.ea == net::Family::v6);
    CHECK(full.families.gw == net::Family::v6);
    CHECK(full.debug);
    CHECK(full.devmode);
    CHECK(full.time_stamps);
    CHECK(full.metrics->str() == "127.0.0.1:9100");
    CHECK(full.log_format == run::LogFormat::json);
    CHECK(full.protocol == mapper::Protocol::v1);
    CHECK(full.resolvers.size() == 2);
    CHECK(full.sources.size() == 1);
}

TEST_CASE("limits of a transfer", "[agent_options]") {
    const auto usual = parse_options({}).value().transfer_limits();
    const dns::TransferLimits fallback;
    CHECK(usual.bytes == fallback.bytes);
    CHECK(usual.whole == fallback.whole);
    CHECK(usual.silence == fallback.silence);
    CHECK(usual.connect == fallback.connect);
    const auto given = parse_options({"-max-transfer-size", "4", "-max-transfer-time", "2",
                                      "-max-transfer-idle", "1"})
                           .value();
    CHECK(given.transfer_limits().bytes == 4u << 20);
    CHECK(given.transfer_limits().whole == std::chrono::seconds(2));
    CHECK(given.transfer_limits().silence == std::chrono::seconds(1));
    CHECK(given.transfer_limits().connect == std::chrono::seconds(1));
    CHECK(summary(given).find("transfers: at most 4 MB, 2 s, 1 s of silence\n") !=
          std::string::npos);
}

TEST_CASE("bad values are named", "[agent_options]") {
    CHECK(refused({"-t", "0"}) == "option -t: \"0\" is not a number from 1 to 10080");
    CHECK(refused({"-t", "10081"}) == "option -t: \"10081\" is not a number from 1 to 10080");
    CHECK(refused({"-m", "mapper"}) ==
          "option -m: \"mapper\" is no mapper socket; write unix:///run/ipref/mapper.sock");
    CHECK(refused({"-ea-ipver", "5"}) == "option -ea-ipver: \"5\" is neither 4 nor 6");
    CHECK(refused({"-gw-ipver", ""}) == "option -gw-ipver: \"\" is neither 4 nor 6");
    CHECK(refused({"-metrics", "127.0.0.1"}) ==
          "option -metrics: \"127.0.0.1\" names no port, give ADDR:PORT");
    CHECK(refused({"-mapper-protocol", "v2"}) ==
          "option -mapper-protocol: \"v2\" is none of auto, protobuf and v1");
    CHECK(refused({"-log-format", "xml"}).find("option -log-format: ") == 0);
    CHECK(refused({"-resolver", "dns"}).find("option -resolver: ") == 0);
    CHECK(refused({"-tsig", "x"}) == "option -tsig: \"x\": write NAME:ALG:SECRET-FILE");
    CHECK(refused({"-tsig-queries"}) == "option -tsig-queries counts with -tsig only");
    CHECK(refused({"-notify", "::1"}) == "option -notify: \"::1\" names no port, give ADDR:PORT");
    CHECK(refused({"-tsigs", "x"}) ==
          "unknown option -tsigs; did you mean -tsig? ipref-dns-agent -h lists them");
    CHECK(refused({"internal"}).find("source \"internal\": ") == 0);
}

TEST_CASE("help and version do not need sources to be right", "[agent_options]") {
    CHECK(parse_options({"-version", "internal"}).value().version);
    CHECK(parse_options({"-h", "internal"}).value().help);
}

TEST_CASE("SERVER/query needs a place to take names from", "[agent_options]") {
    const std::string source = "internal:example.com:192.0.2.1/query";
    CHECK(refused({source}) ==
          "source internal:example.com: SERVER/query needs names to ask for: give -resolver with a "
          "server that allows the transfer of internal., or -names with a file of them");
    CHECK(refused({"-resolver", "127.0.0.1", source}) == "accepted");
    const test::TemporaryDirectory folder;
    const auto path = folder.file("names");
    CHECK(refused({"-names", path, source}).find("names file " + path + " cannot be read: ") == 0);
    std::ofstream(path) << "web # a host\n\na..b\n";
    CHECK(refused({"-names", path, source}).find("names file " + path + ", line 3: \"a..b\": ") ==
          0);
    std::ofstream(path) << "web\n";
    const auto options = parse_options({"-names", path, source});
    REQUIRE(options);
    CHECK(summary(*options).find("names for /query: " + path + "\n") != std::string::npos);
    CHECK(summary(*options).find("from 192.0.2.1:53/query, 1 of 1") != std::string::npos);
    // In a file of sources, too.
    const auto sources = folder.file("sources");
    std::ofstream(sources) << source << "\n";
    CHECK(refused({"-sources", sources}).find("SERVER/query needs names") != std::string::npos);
}

TEST_CASE("signed zones", "[agent_options]") {
    CHECK(summary(parse_options({"-dnssec"}).value()).find("trust anchors: the root's\n") !=
          std::string::npos);
    CHECK(parse_options({"-dnssec"})->anchors->size() == 2);
    CHECK_FALSE(parse_options({})->anchors);
    CHECK(refused({"-trust-anchor", "x"}) == "option -trust-anchor counts with -dnssec only");
    CHECK(refused({"-dnssec", "-trust-anchor", "/none"}) == "trust anchors /none: cannot be read");
    CHECK(parse_options({"-dnssec", "-resolver", "127.0.0.1", "a:b:192.0.2.1/query"}));
}

TEST_CASE("the summary says what would be used", "[agent_options]") {
    const auto text =
        summary(parse_options({"-t", "5", "internal:example.com:192.0.2.1,192.0.2.2"}).value());
    CHECK(text.find("mapper: /run/ipref/mapper.sock, protocol auto\n") == 0);
    CHECK(text.find("poll: about every 5 min\n") != std::string::npos);
    CHECK(text.find("source internal:example.com: zone example.com. from 192.0.2.1:53 "
                    "192.0.2.2:53, 2 of 2 must agree; hosts under internal.\n") !=
          std::string::npos);
    CHECK(summary(Options{}).find("client mode") != std::string::npos);
}
