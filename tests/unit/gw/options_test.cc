// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/options.h"

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

using Words = std::vector<std::string>;

Options good(const Words& words) {
    const auto line = parse_options(words);
    if (!line) FAIL(line.error().text);
    return line->options;
}

std::string bad(const Words& words) {
    const auto line = parse_options(words);
    return line ? "accepted" : line.error().text;
}

net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

}  // namespace

TEST_CASE("defaults", "[options]") {
    const auto o = good({"-gateway", "203.0.113.1"});
    REQUIRE(o.gateways.size() == 1);
    CHECK(o.gateways[0].bind == ip("203.0.113.1"));
    CHECK(o.gateways[0].pub == ip("203.0.113.1"));
    CHECK(o.data == "/var/lib/ipref");
    CHECK(o.gateway_port == 1045);
    CHECK(o.remote_gateway_port == 1045);
    CHECK(o.gateway_ref == net::Ref{0, 1});
    REQUIRE(o.encode_nets.size() == 1);
    CHECK(o.encode_nets[0].str() == "10.240.0.0/12");
    CHECK(o.mapper_socket == "/run/ipref/mapper.sock");
    CHECK(o.hosts == "/etc/hosts");
    CHECK_FALSE(o.dec_ttl);
    CHECK(o.max_remote_gateways == 1024);
    CHECK(o.max_local_ips == 1024);
    CHECK_FALSE(o.metrics);
    CHECK(worker_count(o) >= 1);
    CHECK(worker_count(o) <= 8);
}

TEST_CASE("bind and pub, and what stands in for them", "[options]") {
    auto o = good({"-gateway-bind=10.0.0.1", "--gateway-pub=0.0.0.0"});
    CHECK(o.gateways[0].bind == ip("10.0.0.1"));
    CHECK(o.gateways[0].pub == ip("0.0.0.0"));
    o = good({"-gateway", "203.0.113.1", "-gateway-bind", "0.0.0.0"});
    CHECK(o.gateways[0].bind == ip("0.0.0.0"));
    CHECK(o.gateways[0].pub == ip("203.0.113.1"));
    o = good({"-gateway-bind", "10.0.0.1"});
    CHECK(o.gateways[0].pub == ip("10.0.0.1"));
    o = good({"-gateway-pub", "2001:db8::1"});
    CHECK(o.gateways[0].bind == ip("::"));
    o = good({"-gateway", "192.0.2.1", "-gateway", "192.0.2.2"});
    REQUIRE(o.gateways.size() == 1);
    CHECK(o.gateways[0].pub == ip("192.0.2.2"));
}

TEST_CASE("both families, each side by itself", "[options]") {
    const auto addresses = [](const Options& o) {
        std::string text;
        for (const auto& each : o.gateways) text += each.bind.str() + "=" + each.pub.str() + " ";
        for (const auto& net : o.encode_nets) text += net.str() + " ";
        return text;
    };
    CHECK(addresses(good({"-gateway", "203.0.113.1", "-gateway", "2001:db8::1", "-encode-net",
                          "fd00:240::/64", "-encode-net", "10.240.0.0/12"})) ==
          "203.0.113.1=203.0.113.1 2001:db8::1=2001:db8::1 fd00:240::/64 10.240.0.0/12 ");
    CHECK(addresses(good({"-gateway-bind", "0.0.0.0", "-gateway-pub", "203.0.113.1",
                          "-gateway-bind", "::", "-gateway-pub", "2001:db8::1"})) ==
          "0.0.0.0=203.0.113.1 ::=2001:db8::1 10.240.0.0/12 ");
    CHECK(addresses(good({"-gateway", "203.0.113.1", "-gateway-bind", "192.168.1.2", "-gateway-pub",
                          "2001:db8::1"})) ==
          "192.168.1.2=203.0.113.1 ::=2001:db8::1 10.240.0.0/12 ");
    CHECK(addresses(good({"-gateway", "2001:db8::1", "-encode-net", "10.240.0.0/12"})) ==
          "2001:db8::1=2001:db8::1 10.240.0.0/12 ");
    CHECK(
        bad({"-gateway", "203.0.113.1", "-gateway", "fd00:240::5", "-encode-net", "fd00:240::/64"})
            .find("lies in the encode network") != std::string::npos);
}

TEST_CASE("every other option", "[options]") {
    const auto o = good({"-gateway",
                         "192.0.2.1",
                         "-data",
                         "/d",
                         "-gateway-port",
                         "1",
                         "-threads",
                         "3",
                         "-remote-gateway-port=65535",
                         "-gateway-ifc-mtu",
                         "9000",
                         "-gateway-ref",
                         "1-22",
                         "-encode-net",
                         "fd00::/64",
                         "-mapper-socket",
                         "/s",
                         "-hosts",
                         "/h",
                         "-dec-ttl",
                         "-max-remote-gateways",
                         "5",
                         "-max-local-ips",
                         "6",
                         "-max-buffers",
                         "7",
                         "-devmode=false",
                         "-debug",
                         "peers,fwd_tun",
                         "-trace",
                         "-ticks",
                         "-time-stamps",
                         "-metrics",
                         "[::1]:9000",
                         "-log-format",
                         "json",
                         "-tun",
                         "ipref0",
                         "-check"});
    CHECK(o.data == "/d");
    CHECK(o.gateway_port == 1);
    CHECK(o.remote_gateway_port == 65535);
    CHECK(o.gateway_ifc_mtu == 9000);
    CHECK(o.gateway_ref == net::Ref{0, 0x10022});
    CHECK(o.encode_nets[0].str() == "fd00::/64");
    CHECK(o.mapper_socket == "/s");
    CHECK(o.hosts == "/h");
    CHECK(o.dec_ttl);
    CHECK(o.max_remote_gateways == 5);
    CHECK(o.max_local_ips == 6);
    CHECK(o.debug == (run::topic_bit(run::Topic::peers) | run::topic_bit(run::Topic::packets) |
                      run::topic_bit(run::Topic::ticks)));
    CHECK(o.unknown_topics == std::vector<std::string>{"fwd_tun"});
    CHECK((o.time_stamps && o.check && !o.devmode));
    CHECK(o.metrics->str() == "[::1]:9000");
    CHECK(o.log_format == run::LogFormat::json);
    CHECK(o.tun == "ipref0");
    CHECK(worker_count(o) == 3);
}

TEST_CASE("bad values are named", "[options]") {
    const auto has = [](const std::string& text, std::string_view part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    const auto with = [](std::string name, std::string value) {
        return bad({"-gateway", "192.0.2.1", "-" + name, value});
    };
    has(bad({}), "-gateway-bind, -gateway-pub is required");
    has(bad({"-gateway", "x"}), "option -gateway: ");
    has(bad({"-gateway", "127.0.0.1"}), "neither zero nor a global unicast");
    has(bad({"-gateway", "224.0.0.1"}), "neither zero nor a global unicast");
    has(bad({"-gateway-bind", "10.0.0.1", "-gateway-pub", "2001:db8::1"}), "different families");
    has(bad({"-gateway", "10.241.0.1"}), "lies in the encode network");
    has(with("encode-net", "10.240.0.0/20"), "12 host bits");
    has(with("encode-net", "10.240.0.0"), "option -encode-net: ");
    has(with("encode-net", "224.0.0.0/8"), "unicast");
    has(with("gateway-port", "0"), "from 1 to 65535");
    has(with("gateway-port", "65536"), "from 1 to 65535");
    has(with("gateway-ref", "0"), "not a reference");
    has(with("gateway-ref", "x"), "option -gateway-ref: ");
    has(with("metrics", "127.0.0.1"), "names no port");
    has(with("log-format", "xml"), "expected text or json");
    has(with("tun", "0123456789abcdef"), "not an interface name");
    has(with("tun", "a/b"), "not an interface name");
    has(with("threads", "65"), "from 0 to 64");
    has(with("max-remote-gateways", "0"), "from 1");
    has(with("devmod", "1"), "unknown option");
    has(bad({"-gateway", "192.0.2.1", "status"}), "unexpected argument \"status\"");
}

TEST_CASE("help and version need nothing else; devmode no gateway", "[options]") {
    CHECK(parse_options({"-h"})->help);
    CHECK(good({"-version"}).version);
    CHECK(good({"-devmode"}).gateways.at(0).pub.is_zero());
    CHECK(option_table().usage().find("-encode-net CIDR") != std::string::npos);
}

TEST_CASE("what -check prints", "[options]") {
    const auto text = describe(good({"-gateway", "192.0.2.1", "-threads", "2"}));
    CHECK(text.find("gateway-bind 192.0.2.1\n") != std::string::npos);
    CHECK(text.find("encode-net 10.240.0.0/12\n") != std::string::npos);
    CHECK(text.find("threads 2\n") != std::string::npos);
}
