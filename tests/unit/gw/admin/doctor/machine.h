// SPDX-License-Identifier: GPL-2.0-or-later
// A machine that is well, in memory: each test breaks one thing.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "common/wire/mapper_frame.h"
#include "gw/admin/doctor/finding.h"
#include "unit/catch.h"

namespace ipref::gw::admin {

struct Machine : Outside {
    std::map<std::string, std::string> files{
        {"/proc/sys/net/ipv4/ip_forward", "1\n"},
        {"/proc/sys/net/ipv6/conf/all/forwarding", "1\n"},
        {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0\n"},
        {"/proc/sys/net/ipv4/conf/all/rp_filter", "0\n"},
        {"/proc/sys/net/ipv4/conf/tun0/rp_filter", "0\n"},
        {"/proc/sys/net/core/rmem_max", "7340032\n"},
        {"/proc/net/route",
         "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
         "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
         "tun0\t0000F00A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0\n"},
        {"/etc/resolv.conf", "# local\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"},
    };
    std::map<std::string, FileInfo> infos{{"/run/ipref/mapper.sock", {S_IFSOCK | 0660, "ipref"}},
                                          {"/run/ipref", {S_IFDIR | 0775, "ipref"}}};
    int tun_error = 0;
    std::map<std::string, Interface> interfaces{{"tun0", {true, 1460}}};
    int bind_error = 0;
    std::optional<Owner> owner;
    std::map<std::string, std::string> programs{
        {"iptables -S", "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"},
        {"nft list ruleset", ""}};
    bool dns = true;
    net::Endpoint asked;
    WallClock time{1'795'000'000, true};

    std::optional<std::string> read(const std::string& path) override {
        const auto found = files.find(path);
        return found == files.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<FileInfo> file(const std::string& path) override {
        const auto found = infos.find(path);
        return found == infos.end() ? std::nullopt : std::optional(found->second);
    }
    int open(const std::string&) override { return tun_error; }
    std::optional<Interface> interface(const std::string& name) override {
        const auto found = interfaces.find(name);
        return found == interfaces.end() ? std::nullopt : std::optional(found->second);
    }
    int bind_udp(const net::Endpoint&) override { return bind_error; }
    std::optional<Owner> udp_owner(uint16_t) override { return owner; }
    std::optional<std::string> run(const std::vector<std::string>& command) override {
        const auto found = programs.find(fmt::format("{}", fmt::join(command, " ")));
        return found == programs.end() ? std::nullopt : std::optional(found->second);
    }
    bool dns_answers(const net::Endpoint& server) override {
        asked = server;
        return dns;
    }
    WallClock clock() override { return time; }
};

inline net::Cidr net_of(std::string_view text) {
    return net::Cidr::parse(text).value();
}

/// A gateway that runs and is well.
struct Running : Situation {
    Running() {
        mapper_socket = "/run/ipref/mapper.sock";
        encode_nets = {net_of("10.240.0.0/12")};
        binds = {net::Ip::parse("203.0.113.5").value()};
        proto::Status status;
        status.set_release("1");
        status.set_tun("tun0");
        status.set_tun_mtu(1460);
        status.set_clients(2);
        (*status.mutable_programs())["ipref-coredns"] = 1;
        (*status.mutable_programs())["ipref-dns-agent"] = 1;
        gateway = status;
    }
};

/// The worst of what a check finds, which has to be of `level`.
inline Finding worst(const Findings& findings, Level level) {
    Finding found{.level = Level::ok, .check = "", .text = "nothing", .mend = {}};
    for (const auto& each : findings) {
        if (each.level >= found.level) found = each;
    }
    INFO(found.text);
    CHECK(found.level == level);
    return found;
}

}  // namespace ipref::gw::admin
