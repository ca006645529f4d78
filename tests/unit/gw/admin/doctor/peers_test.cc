// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>

#include "machine.h"

using namespace ipref;
using namespace ipref::gw::admin;

namespace {

/// A machine in front of a network that takes `path` bytes to the only peer.
struct Networked : Machine {
    uint32_t path = 1500;
    bool silent = false;  ///< larger packets are lost without a word
    bool answers = true;
    uint32_t told = 1500;
    size_t pings = 0;

    Networked() { interfaces["eth0"] = {true, 1500}; }

    std::optional<std::string> run(const std::vector<std::string>& command) override {
        if (command.front() == "ip") {
            const auto more = told < 1500 ? fmt::format("cache expires 599sec mtu {}", told) : "";
            return "198.51.100.20 via 203.0.113.1 dev eth0 src 203.0.113.5 uid 0 \\ " + more + "\n";
        }
        if (command.front() != "ping") return Machine::run(command);
        pings++;
        const auto bytes = static_cast<uint32_t>(std::stoul(command[command.size() - 2])) + 28;
        if (bytes > path && !silent) told = path;
        return answers && bytes <= path ? std::optional<std::string>("") : std::nullopt;
    }
};

struct Talking : Running {
    Talking() {
        auto& peer = peers.emplace_back();
        peer.set_ip(std::string("\xc6\x33\x64\x14", 4));
        peer.set_port(1045);
        peer.set_heard(true);
        peer.set_sent_packets(10);
    }
    void known_as(const std::string& address) {
        auto& site = *gateway->add_sites();
        site.set_gateway_pub(wire::bytes_of(net::Ip::parse(address).value()));
    }
};

bool says(const Finding& finding, std::string_view words) {
    INFO(finding.text);
    return finding.text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("the context address: public, of a router in front, private, none", "[doctor]") {
    Machine machine;
    Talking own;
    own.known_as("203.0.113.5");
    own.known_as("203.0.113.5");
    CHECK(check_address(own, machine).size() == 1);
    CHECK(says(worst(check_address(own, machine), Level::ok), "is an address of this machine"));
    machine.bind_error = EADDRNOTAVAIL;
    CHECK(says(worst(check_address(own, machine), Level::ok), "must forward UDP 1045"));
    Talking client;
    client.known_as("0.0.0.0");
    CHECK(says(worst(check_address(client, machine), Level::ok), "client mode"));
    for (const auto* address : {"192.168.1.2", "172.31.0.1", "100.64.7.7", "fd00::1"}) {
        Talking hidden;
        hidden.known_as(address);
        const auto found = worst(check_address(hidden, machine), Level::warn);
        CHECK(found.text.starts_with(address));
        CHECK(found.mend.front().find("-gateway-pub 0.0.0.0") != std::string::npos);
    }
}

TEST_CASE("a gateway that was sent to and never heard", "[doctor]") {
    Machine machine;
    Talking situation;
    CHECK(worst(check_peers(situation, machine), Level::ok).check == "peers");
    situation.peers[0].set_heard(false);
    CHECK(says(worst(check_peers(situation, machine), Level::warn), "198.51.100.20 was sent 10"));
    situation.peers[0].set_sent_packets(2);
    worst(check_peers(situation, machine), Level::ok);
    situation.peers[0].set_sent_packets(50);
    situation.peers[0].set_last_used_seconds_ago(1000);
    worst(check_peers(situation, machine), Level::ok);
    situation.peers.clear();
    CHECK(check_peers(situation, machine).empty());
}

TEST_CASE("the path to a peer: whole, narrow and said so, narrow and silent", "[doctor]") {
    Networked machine;
    const Talking situation;
    CHECK(
        says(worst(check_paths(situation, machine), Level::ok), "1500 bytes reach 198.51.100.20"));
    CHECK(machine.pings == 2);
    machine.path = 1400;
    CHECK(says(worst(check_paths(situation, machine), Level::ok),
               "1400 bytes reach 198.51.100.20; the network says"));
    machine.told = 1500;
    machine.silent = true;
    machine.pings = 0;
    const auto found = worst(check_paths(situation, machine), Level::warn);
    CHECK(says(found, "1400 bytes reach 198.51.100.20, larger"));
    CHECK(found.mend.front() ==
          "sed -i '/^IPREF_GATEWAY_OPTIONS=/s/\"$/ -gateway-ifc-mtu 1400\"/' "
          "/etc/ipref/gateway.env");
    CHECK(machine.pings < 16);
}

TEST_CASE("a gateway that has been told of the narrow path has nothing to look at", "[doctor]") {
    Networked machine;
    Talking situation;
    machine.path = 1400;
    machine.silent = true;
    situation.gateway->set_tun_mtu(1360);
    CHECK(says(worst(check_paths(situation, machine), Level::ok), "1400 bytes reach"));
}

TEST_CASE("nothing is said of paths to peers that answer no pings, or are not in use", "[doctor]") {
    Networked machine;
    Talking situation;
    machine.answers = false;
    CHECK(check_paths(situation, machine).empty());
    machine.answers = true;
    situation.peers[0].set_last_used_seconds_ago(1000);
    CHECK(check_paths(situation, machine).empty());
    for (int i = 0; i < 10; i++) situation.peers.push_back(Talking().peers[0]);
    CHECK(check_paths(situation, machine).size() == 4);
}

TEST_CASE("who keeps the DNS server from port 53", "[doctor]") {
    Machine machine;
    Running situation;
    machine.owner = Owner{77, "dnsmasq"};
    worst(check_resolver(situation, machine), Level::ok);  // ours is connected: on other addresses
    situation.gateway->clear_programs();
    situation.gateway->set_clients(0);
    const auto first = [&] { return check_resolver(situation, machine).front(); };
    CHECK(first().level == Level::warn);
    CHECK(says(first(), "UDP port 53 is taken by dnsmasq (process 77)"));
    CHECK(first().mend.front() == "kill 77");
    machine.owner = Owner{78, "systemd-resolve"};
    CHECK(first().mend.back() == "systemctl restart systemd-resolved ipref-coredns");
    machine.owner = Owner{79, "ipref-coredns"};
    CHECK(first().mend.front() == "systemctl start ipref-coredns");
}
