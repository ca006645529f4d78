// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/doctor/firewall.h"

#include "machine.h"

using namespace ipref;
using namespace ipref::gw::admin;

namespace {

Findings iptables(std::string_view rules) {
    Machine machine;
    machine.programs = {{"iptables -S", std::string(rules)}};
    return check_firewall(Running(), machine);
}

Findings nft(std::string_view rules) {
    Machine machine;
    machine.programs = {{"nft list ruleset", std::string(rules)}};
    return check_firewall(Running(), machine);
}

std::vector<std::string> mends(const Findings& findings) {
    std::vector<std::string> all;
    for (const auto& each : findings) all.insert(all.end(), each.mend.begin(), each.mend.end());
    return all;
}

}  // namespace

TEST_CASE("iptables: what a policy drops is mended by three rules", "[doctor]") {
    const auto found = iptables("-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n");
    CHECK(mends(found) == std::vector<std::string>{
                              "iptables -I FORWARD -i tun0 -j ACCEPT",
                              "iptables -I FORWARD -o tun0 -j ACCEPT",
                              "iptables -I INPUT -p udp --dport 1045 -j ACCEPT",
                          });
    worst(iptables("-P INPUT DROP\n-P FORWARD DROP\n"
                   "-A INPUT -p udp -m udp --dport 1045 -j ACCEPT\n"
                   "-A FORWARD -i tun0 -j ACCEPT\n-A FORWARD -o tun+ -j ACCEPT\n"),
          Level::ok);
    worst(iptables("-P INPUT DROP\n-P FORWARD DROP\n"
                   "-A INPUT -p udp -m udp --dport 1000:2000 -j ACCEPT\n"
                   "-A FORWARD -s 10.240.0.0/12 -j ACCEPT\n-A FORWARD -d 10.0.0.0/8 -j ACCEPT\n"),
          Level::ok);
}

TEST_CASE("iptables: order, chains, negation and conditions", "[doctor]") {
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-A INPUT -p udp -m udp --dport 1045 "
                   "-j DROP\n"),
          Level::fail);
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with "
                   "icmp-port-unreachable\n"),
          Level::fail);
    // What is accepted before does not come that far.
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-N MINE\n-A FORWARD -j MINE\n"
                   "-A FORWARD -j DROP\n-A MINE -i tun0 -j ACCEPT\n-A MINE -o tun0 -j ACCEPT\n"),
          Level::ok);
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-A FORWARD ! -i tun0 -o eth0 -j DROP\n"
                   "-A INPUT -i lo -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n"),
          Level::ok);
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD DROP\n-A FORWARD -m conntrack --ctstate "
                   "RELATED,ESTABLISHED -j ACCEPT\n"),
          Level::warn);
    worst(iptables("-P INPUT DROP\n-P FORWARD ACCEPT\n-A INPUT -m set --match-set x src -j "
                   "ACCEPT\n"),
          Level::warn);
    // A loop of chains, which no kernel has, ends.
    worst(iptables("-P INPUT ACCEPT\n-P FORWARD DROP\n-A FORWARD -j A\n-A A -j B\n-A B -j A\n"),
          Level::warn);
}

TEST_CASE("nft: base chains, each by itself", "[doctor]") {
    const auto found = nft(R"(table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname "eth0" oifname "eth1" accept comment "a { brace"
	}
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" masquerade
	}
}
)");
    CHECK(mends(found) == std::vector<std::string>{
                              "nft insert rule inet filter forward iifname tun0 accept",
                              "nft insert rule inet filter forward oifname tun0 accept",
                              "nft insert rule inet filter input udp dport 1045 accept",
                          });
    worst(nft("table inet filter {\n\tset bad {\n\t\ttype ipv4_addr\n\t}\n"
              "\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n"
              "\t\tudp dport 1045 counter packets 1 bytes 2 accept\n\t}\n"
              "\tchain forward {\n\t\ttype filter hook forward priority 0; policy drop;\n"
              "\t\tjump ours\n\t}\n"
              "\tchain ours {\n\t\tip saddr 10.240.0.0/12 accept\n"
              "\t\toifname \"tun0\" accept\n\t}\n}\n"),
          Level::ok);
    worst(nft("table ip6 filter {\n\tchain forward {\n"
              "\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n"),
          Level::ok);
    worst(nft("table ip x {\n\tchain forward {\n"
              "\t\ttype filter hook forward priority 0; policy accept;\n"
              "\t\tcounter packets 0 bytes 0 reject with icmp type host-prohibited\n\t}\n}\n"),
          Level::fail);
}

TEST_CASE("what iptables keeps in nftables counts once; without either tool nothing is known",
          "[doctor]") {
    Machine machine;
    machine.programs = {{"iptables -S", "-P INPUT ACCEPT\n-P FORWARD DROP\n"},
                        {"nft list ruleset",
                         "# Warning: table ip filter is managed by iptables-nft, do not touch!\n"
                         "table ip filter {\n\tchain FORWARD {\n"
                         "\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n"}};
    CHECK(check_firewall(Running(), machine).size() == 2);
    machine.programs.erase("iptables -S");
    CHECK(mends(check_firewall(Running(), machine)).front() ==
          "nft insert rule ip filter FORWARD iifname tun0 accept");
    machine.programs.clear();
    worst(check_firewall(Running(), machine), Level::warn);
}

TEST_CASE("listings that are no listings harm nothing", "[doctor]") {
    for (const auto* text : {"", "}", "{", "table", "chain x {", "}}}}\n\"", "-A", "-A X -j",
                             "-P FORWARD", "table a b {\nchain c {\n}\n}\n}\n}"}) {
        INFO(text);
        CHECK_NOTHROW(parse_iptables(text));
        CHECK_NOTHROW(parse_nft(text, true));
        CHECK_NOTHROW(iptables(text));
        CHECK_NOTHROW(nft(text));
    }
}
