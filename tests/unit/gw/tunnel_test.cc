// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tunnel.h"

#include <poll.h>
#include <sys/socket.h>

#include "gw/datapath/tun.h"
#include "unit/catch.h"
#include "unit/gw/memory_edges.h"

using namespace ipref;
using namespace ipref::gw;
using test::ip;

namespace {

net::Endpoint where(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    return net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
}

bool readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 5000) == 1;
}

}  // namespace

TEST_CASE("a gateway's sockets share the port; another gateway is refused", "[tunnel]") {
    const auto first = open_tunnel_socket({ip("127.0.0.1"), 0});
    REQUIRE(first);
    const auto at = where(first->get());
    CHECK(open_tunnel_socket(at));
    const auto probe = probe_tunnel_port(at);
    REQUIRE_FALSE(probe);
    CHECK(probe.error().text.find("in use by another program") != std::string::npos);
    CHECK(probe.error().text.find(at.str()) != std::string::npos);
    const auto absent = probe_tunnel_port({ip("192.0.2.77"), 1045});
    REQUIRE_FALSE(absent);
    CHECK(absent.error().text.find("192.0.2.77:1045: no interface") != std::string::npos);
}

TEST_CASE("a kept socket fits if it is a tunnel socket of the same address and port", "[tunnel]") {
    const auto kept = open_tunnel_socket({ip("127.0.0.1"), 0});
    REQUIRE(kept);
    const auto at = where(kept->get());
    CHECK(fits_tunnel(kept->get(), at));
    const auto port = fits_tunnel(kept->get(), {at.ip, 1});
    REQUIRE_FALSE(port);
    CHECK(port.error().text == fmt::format("it is on {}, not 127.0.0.1:1", at.str()));
    CHECK_FALSE(fits_tunnel(kept->get(), {ip("0.0.0.0"), at.port}));
    CHECK_FALSE(fits_tunnel(kept->get(), {ip("::1"), at.port}));
    const run::Fd stream(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK_FALSE(fits_tunnel(stream.get(), at));
    const run::Fd local(::socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_FALSE(fits_tunnel(local.get(), at));
    CHECK_FALSE(fits_tunnel(0, at));
}

TEST_CASE("batches through real sockets, and a destination that fails stops no other", "[tunnel]") {
    const auto one = open_tunnel_socket({ip("127.0.0.1"), 0});
    const auto two = open_tunnel_socket({ip("127.0.0.1"), 0});
    REQUIRE((one && two));
    Offloads offloads(*parse_offloads("udp-gro"));
    TunnelSocket sender(one->get(), net::Family::v4, offloads);
    TunnelSocket receiver(two->get(), net::Family::v4, offloads);
    const test::Buffer head{1, 2, 3};
    const test::Buffer rest{4, 5};
    const test::Buffer huge(65508, 7);  // more than UDP over IPv4 can carry
    const auto to = where(two->get());
    std::vector<Datagram> batch;
    for (size_t i = 0; i < kBatch + 10; i++) batch.push_back({to, head, rest});
    batch[3].head = huge;
    batch[5].to.ip = ip("255.255.255.255");  // broadcast, which is not allowed
    sender.send(batch);
    CHECK(batch[3].error == EMSGSIZE);
    CHECK(batch[5].error != 0);
    size_t failed = 0;
    for (const auto& each : batch) failed += each.error != 0 ? 1 : 0;
    CHECK(failed == 2);

    std::vector<test::Buffer> spaces(kBatch, test::Buffer(100));
    std::vector<DatagramSpace> into;
    for (auto& space : spaces) into.push_back({space, 0, 0, {}});
    size_t received = 0;
    while (received < batch.size() - 2) {
        REQUIRE(readable(two->get()));
        const size_t count = receiver.receive(into);
        for (size_t i = 0; i < count; i++) {
            REQUIRE(into[i].size == 5);
            CHECK(spaces[i][4] == 5);
            CHECK(into[i].from == where(one->get()));
        }
        received += count;
    }
    CHECK(receiver.receive(into) == 0);
}

TEST_CASE("an ICMP error about one datagram is not another one's", "[tunnel]") {
    const auto gone = where(open_tunnel_socket({ip("127.0.0.1"), 0})->get());
    const auto one = open_tunnel_socket({ip("127.0.0.1"), 0});
    const auto two = open_tunnel_socket({ip("127.0.0.1"), 0});
    REQUIRE((one && two));
    Offloads offloads;
    TunnelSocket sender(one->get(), net::Family::v4, offloads);
    const test::Buffer bytes{1};
    std::vector<Datagram> lost{{gone, bytes, {}}};
    sender.send(lost);  // "port unreachable" is now on the socket
    std::vector<Datagram> good{{where(two->get()), bytes, {}}};
    sender.send(good);
    CHECK(good[0].error == 0);
    std::array<PathMtu, 4> reports;
    CHECK(sender.path_mtus(reports) == 0);
    pollfd state{one->get(), POLLIN, 0};
    CHECK(::poll(&state, 1, 0) == 0);  // the error queue is empty again
}

TEST_CASE("the MTU of the interface that has an address", "[tunnel]") {
    auto netlink = Netlink::open();
    REQUIRE(netlink);
    const auto addresses = netlink->addresses();
    REQUIRE(addresses);
    bool loopback = false;
    for (const auto& each : *addresses) loopback |= each.ip == ip("127.0.0.1") && each.bits == 8;
    CHECK(loopback);
    const auto mtu = interface_mtu(*netlink, ip("127.0.0.1"));
    REQUIRE(mtu);
    CHECK(*mtu > kDefaultMtu);  // that of lo
    CHECK(*interface_mtu(*netlink, ip("192.0.2.77")) == kDefaultMtu);
    CHECK(*interface_mtu(*netlink, ip("0.0.0.0")) == kDefaultMtu);
}
