// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <nlohmann/json.hpp>

#include "machine.h"

using namespace ipref;
using namespace ipref::gw::admin;

using Commands = std::vector<std::string>;

TEST_CASE("a machine that is well has nothing to mend", "[doctor]") {
    Machine machine;
    const auto findings = examine(Running(), machine);
    CHECK(findings_exit(findings) == 0);
    CHECK(findings.size() >= 12);
    for (const auto& each : findings) {
        INFO(each.text);
        CHECK(each.level == Level::ok);
        CHECK(each.mend.empty());
    }
}

TEST_CASE("text and JSON name level, check and remedy", "[doctor]") {
    const Findings findings = {{Level::ok, "tun", "fine"},
                               {Level::warn, "clock", "odd"},
                               {Level::fail, "route", "gone\x1b", {"ip route add x"}}};
    CHECK(findings_text(findings) ==
          "OK    tun         fine\n"
          "WARN  clock       odd\n"
          "FAIL  route       gone?\n"
          "                  ip route add x\n"
          "1 failed, 1 to look at, 1 well\n");
    const auto json = nlohmann::json::parse(findings_json(findings));
    CHECK(json["schema"] == "ipref.doctor/1");
    CHECK(json["findings"][2]["level"] == "FAIL");
    CHECK(json["findings"][2]["mend"][0] == "ip route add x");
    CHECK(findings_exit(findings) == 2);
    CHECK(findings_exit({{Level::warn, "clock", "odd"}}) == 1);
}

TEST_CASE("the TUN device: missing, without a driver, forbidden", "[doctor]") {
    Machine machine;
    machine.tun_error = ENOENT;
    CHECK(worst(check_tun(Running(), machine), Level::fail).mend.back() ==
          "mknod /dev/net/tun c 10 200");
    machine.tun_error = ENODEV;
    CHECK(worst(check_tun(Running(), machine), Level::fail).mend == Commands{"modprobe tun"});
    machine.tun_error = EACCES;
    CHECK(worst(check_tun(Running(), machine), Level::fail).mend.size() == 1);
    machine.tun_error = EIO;
    worst(check_tun(Running(), machine), Level::fail);
}

TEST_CASE("who is not root is told so, and nothing is laid at the machine's door", "[doctor]") {
    Machine machine;
    Running situation;
    CHECK(check_user(situation, machine).empty());
    situation.root = false;
    worst(check_user(situation, machine), Level::warn);
    machine.tun_error = EACCES;
    CHECK(check_tun(situation, machine).empty());
    situation.gateway.reset();
    CHECK(worst(check_gateway(situation, machine), Level::fail).mend.empty());
}

TEST_CASE("forwarding, of the families that are used", "[doctor]") {
    Machine machine;
    machine.files["/proc/sys/net/ipv6/conf/all/forwarding"] = "0\n";
    worst(check_forwarding(Running(), machine), Level::ok);
    Running six;
    six.encode_nets = {net_of("fd00:240::/64")};
    CHECK(worst(check_forwarding(six, machine), Level::fail).mend ==
          Commands{"sysctl -w net.ipv6.conf.all.forwarding=1"});
    machine.files["/proc/sys/net/ipv4/ip_forward"] = "0\n";
    CHECK(worst(check_forwarding(Running(), machine), Level::fail).mend ==
          Commands{"sysctl -w net.ipv4.ip_forward=1"});
    machine.files.erase("/proc/sys/net/ipv4/ip_forward");
    worst(check_forwarding(Running(), machine), Level::warn);
}

TEST_CASE("a strict reverse-path filter counts if the larger of two settings is 1", "[doctor]") {
    Machine machine;
    const std::string own = "/proc/sys/net/ipv4/conf/tun0/rp_filter";
    machine.files["/proc/sys/net/ipv4/conf/all/rp_filter"] = "1\n";
    CHECK(worst(check_reverse_path(Running(), machine), Level::warn).mend ==
          Commands{"sysctl -w net/ipv4/conf/tun0/rp_filter=2"});
    machine.files[own] = "2\n";
    worst(check_reverse_path(Running(), machine), Level::ok);
}

TEST_CASE("IPv6 matters only where it is used", "[doctor]") {
    Machine machine;
    machine.files["/proc/sys/net/ipv6/conf/all/disable_ipv6"] = "1\n";
    CHECK(check_ipv6(Running(), machine).empty());
    Running six;
    six.binds = {net::Ip::parse("2001:db8::1").value()};
    CHECK(worst(check_ipv6(six, machine), Level::fail).mend ==
          Commands{"sysctl -w net.ipv6.conf.all.disable_ipv6=0"});
    machine.files["/proc/sys/net/ipv6/conf/all/disable_ipv6"] = "0\n";
    machine.files["/proc/sys/net/ipv6/conf/tun0/disable_ipv6"] = "1\n";
    CHECK(worst(check_ipv6(six, machine), Level::fail).mend ==
          Commands{"sysctl -w net/ipv6/conf/tun0/disable_ipv6=0"});
    machine.files.clear();
    CHECK(worst(check_ipv6(six, machine), Level::fail).mend.empty());
}

TEST_CASE("buffers and clock", "[doctor]") {
    Machine machine;
    machine.files["/proc/sys/net/core/rmem_max"] = "212992\n";
    CHECK(worst(check_buffers(Running(), machine), Level::warn).mend ==
          Commands{"sysctl -w net.core.rmem_max=7340032"});
    machine.time.synchronised = false;
    worst(check_clock(Running(), machine), Level::warn);
    machine.time.seconds = 0;
    CHECK(worst(check_clock(Running(), machine), Level::fail).mend ==
          Commands{"timedatectl set-ntp true"});
}

TEST_CASE("the interface: down, another MTU, gone", "[doctor]") {
    Machine machine;
    machine.interfaces["tun0"].up = false;
    CHECK(worst(check_interface(Running(), machine), Level::fail).mend ==
          Commands{"ip link set tun0 up"});
    machine.interfaces["tun0"] = {true, 1500};
    CHECK(worst(check_interface(Running(), machine), Level::fail).mend ==
          Commands{"ip link set tun0 mtu 1460"});
    machine.interfaces["tun0"] = {true, 1300};
    worst(check_interface(Running(), machine), Level::warn);
    machine.interfaces.clear();
    worst(check_interface(Running(), machine), Level::fail);
}

TEST_CASE("routes: missing, inside the encode network, around it", "[doctor]") {
    Machine machine;
    auto& routes = machine.files["/proc/net/route"];
    const auto good = routes;
    routes += "docker0\t0005F00A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    CHECK(worst(check_overlap(Running(), machine), Level::fail).mend ==
          Commands{"ip route del 10.240.5.0/24 dev docker0"});
    routes = good + "wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n";
    CHECK(worst(check_overlap(Running(), machine), Level::warn).mend.empty());
    routes = "nonsense\n\nx y z\n";
    CHECK(worst(check_route(Running(), machine), Level::fail).mend ==
          Commands{"ip route add 10.240.0.0/12 dev tun0"});
    Running six;
    six.encode_nets = {net_of("fd00:240::/64")};
    CHECK(worst(check_route(six, machine), Level::fail).mend ==
          Commands{"ip -6 route add fd00:240::/64 dev tun0"});
    machine.files["/proc/net/ipv6_route"] =
        "fd000240000000000000000000000000 40 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001 tun0\n";
    worst(check_route(six, machine), Level::ok);
    worst(check_overlap(six, machine), Level::ok);
}

TEST_CASE("the port: taken by somebody, not ours to take", "[doctor]") {
    Machine machine;
    Running none;
    none.gateway.reset();
    worst(check_port(none, machine), Level::ok);
    machine.bind_error = EADDRINUSE;
    CHECK(worst(check_port(none, machine), Level::fail).mend.empty());
    machine.owner = Owner{77, "other"};
    const auto taken = worst(check_port(none, machine), Level::fail);
    CHECK(taken.mend == Commands{"kill 77"});
    CHECK(taken.text == "UDP 203.0.113.5:1045 is taken by other (process 77)");
    worst(check_port(Running(), machine), Level::ok);
    machine.bind_error = EADDRNOTAVAIL;
    worst(check_port(none, machine), Level::fail);
}

TEST_CASE("the mapper socket: closed to the group, open to all, no socket, closed above",
          "[doctor]") {
    Machine machine;
    auto& info = machine.infos["/run/ipref/mapper.sock"];
    info.mode = S_IFSOCK | 0600;
    CHECK(worst(check_socket(Running(), machine), Level::fail).mend ==
          Commands{"chmod 0660 /run/ipref/mapper.sock"});
    info.mode = S_IFSOCK | 0666;
    worst(check_socket(Running(), machine), Level::warn);
    info.mode = S_IFREG | 0660;
    worst(check_socket(Running(), machine), Level::fail);
    info.mode = S_IFSOCK | 0660;
    machine.infos["/run/ipref"].mode = S_IFDIR | 0700;
    CHECK(worst(check_socket(Running(), machine), Level::fail).mend ==
          Commands{"chmod 0775 /run/ipref"});
    machine.infos.clear();
    CHECK(check_socket(Running(), machine).empty());
}

TEST_CASE("DNS server and agent: connected, silent, absent", "[doctor]") {
    Machine machine;
    worst(check_resolver(Running(), machine), Level::ok);
    CHECK(machine.asked.str() == "127.0.0.2:53");
    Running other;
    other.resolver = net::Endpoint::parse("127.0.0.9:5353", 53).value();
    machine.dns = false;
    CHECK(worst(check_resolver(other, machine), Level::fail).mend ==
          Commands{"systemctl restart ipref-coredns"});
    CHECK(machine.asked.str() == "127.0.0.9:5353");
    machine.bind_error = EADDRNOTAVAIL;
    const auto elsewhere = worst(check_resolver(other, machine), Level::fail);
    CHECK(elsewhere.mend.empty());  // to restart ours would not help
    CHECK(elsewhere.text.find("not on this machine") != std::string::npos);
    machine.bind_error = 0;
    machine.dns = true;
    other.gateway->clear_programs();
    other.gateway->set_clients(0);
    worst(check_resolver(other, machine), Level::warn);
    worst(check_agent(other, machine), Level::ok);
    auto& source = *other.gateway->add_sources();
    source.set_name("internal:example.com");
    source.set_expires(true);
    CHECK(worst(check_agent(other, machine), Level::fail).mend ==
          Commands{"systemctl start ipref-dns-agent"});
    machine.files.clear();
    other.resolver.reset();
    worst(check_resolver(other, machine), Level::warn);
}

TEST_CASE("limits that are near, or reached", "[doctor]") {
    Machine machine;
    Running running;
    CHECK(check_limits(running, machine).empty());  // a gateway that does not tell
    auto& usage = *running.gateway->add_usage();
    usage.set_what("encoded addresses of 10.240.0.0/12");
    usage.set_limit(1000);
    usage.set_for_packets(500);
    usage.set_held(499);
    worst(check_limits(running, machine), Level::ok);
    usage.set_held(500);
    CHECK(worst(check_limits(running, machine), Level::warn)
              .text.starts_with("500 of 1000 encoded addresses of 10.240.0.0/12 are in use"));
    usage.set_held(1000);
    worst(check_limits(running, machine), Level::fail);
    usage.set_for_packets(1000);
    usage.set_held(799);
    worst(check_limits(running, machine), Level::ok);
    usage.set_held(800);
    worst(check_limits(running, machine), Level::warn);
}

TEST_CASE("a gateway that does not run, or has problems", "[doctor]") {
    Machine machine;
    Running none;
    none.gateway.reset();
    none.no_gateway = "no gateway runs";
    CHECK(worst(check_gateway(none, machine), Level::fail).text == "no gateway runs");
    CHECK(check_gateway(none, machine).front().mend == Commands{"systemctl start ipref-gateway"});
    CHECK(check_route(none, machine).empty());
    const auto taken = worst(check_overlap(none, machine), Level::warn);  // tun0 has the route
    CHECK(taken.text.starts_with("tun0 has a route to 10.240.0.0/12 already"));
    CHECK(taken.mend.empty());
    Running ill;
    ill.gateway->add_problems("disk full");
    CHECK(worst(check_gateway(ill, machine), Level::warn).text == "disk full");
}
