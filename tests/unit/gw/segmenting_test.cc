// SPDX-License-Identifier: GPL-2.0-or-later
// UDP_SEGMENT and UDP_GRO on the tunnel's sockets: what is grouped, and what becomes of a group
// that the kernel refuses.
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <numeric>

#include "common/run/log.h"
#include "gw/datapath/tunnel.h"
#include "unit/catch.h"
#include "unit/gw/memory_edges.h"

using namespace ipref;
using namespace ipref::gw;
using test::ip;

namespace {

const net::Endpoint kPeer{ip("127.0.0.1"), 1045};
const net::Endpoint kOther{ip("127.0.0.2"), 1045};

/// A kernel that takes notes, and refuses on demand.
struct Kernel {
    struct Message {
        size_t bytes = 0;
        size_t parts = 0;
        uint16_t segment_size = 0;  ///< 0: no UDP_SEGMENT
    };
    std::vector<Message> messages;
    std::function<int(const Message&)> refuse = [](const Message&) { return 0; };
    int calls = 0;

    static Message read(msghdr& header) {
        Message out;
        out.parts = header.msg_iovlen;
        for (size_t i = 0; i < header.msg_iovlen; i++) out.bytes += header.msg_iov[i].iov_len;
        for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_SEGMENT) continue;
            REQUIRE(c->cmsg_len == CMSG_LEN(sizeof out.segment_size));
            std::memcpy(&out.segment_size, CMSG_DATA(c), sizeof out.segment_size);
        }
        return out;
    }
    int send(mmsghdr* vector, unsigned count) {
        calls++;
        for (unsigned i = 0; i < count; i++) {
            const auto message = read(vector[i].msg_hdr);
            const int error = refuse(message);
            if (error == 0) {
                messages.push_back(message);
                continue;
            }
            errno = error;
            return i == 0 ? -1 : static_cast<int>(i);
        }
        return static_cast<int>(count);
    }
};

struct Bench {
    Kernel kernel;
    Offloads offloads;
    run::Fd fd = std::move(*open_tunnel_socket({ip("127.0.0.1"), 0}));
    TunnelSocket socket{
        fd.get(), net::Family::v4, offloads,
        [this](int, mmsghdr* vector, unsigned count, int) { return kernel.send(vector, count); }};
    std::vector<uint8_t> bytes = std::vector<uint8_t>(65535, 7);
    std::vector<Datagram> datagrams;

    Bench() { run::configure_log({}); }
    void add(size_t size, const net::Endpoint& to = kPeer) {
        const size_t head = std::min<size_t>(size, 40);
        datagrams.push_back({to, Bytes(bytes).first(head), Bytes(bytes).subspan(40, size - head)});
    }
    size_t failed() const {
        size_t count = 0;
        for (const auto& each : datagrams) count += each.error != 0 ? 1 : 0;
        return count;
    }
};

bool segmented(const Kernel::Message& message) {
    return message.segment_size != 0;
}

}  // namespace

TEST_CASE("which datagrams go in one message", "[tunnel]") {
    struct Row {
        std::vector<size_t> sizes;
        std::vector<size_t> messages;  // bytes of each
    };
    const std::vector<Row> rows{
        {{100}, {100}},
        {{100, 100, 100}, {300}},
        {{100, 100, 60}, {260}},
        {{100, 60, 100}, {160, 100}},  // a shorter one is the last
        {{60, 100}, {60, 100}},
        {{1400, 1400, 9, 9, 9}, {2809, 18}},
        {std::vector<size_t>(64, 50), {63 * 50, 50}},
        {std::vector<size_t>(47, 1400), {46 * 1400, 1400}},  // 65507 bytes at most
        {{65507}, {65507}},
    };
    for (const auto& row : rows) {
        Bench bench;
        for (const size_t size : row.sizes) bench.add(size);
        bench.socket.send(bench.datagrams);
        std::vector<size_t> got;
        for (const auto& each : bench.kernel.messages) got.push_back(each.bytes);
        CHECK(got == row.messages);
        CHECK(bench.kernel.calls == 1);
        CHECK(bench.failed() == 0);
        const bool several = row.messages[0] > row.sizes[0];
        CHECK(bench.kernel.messages[0].segment_size == (several ? row.sizes[0] : 0));
    }
}

TEST_CASE("only datagrams to one peer and port go in one message", "[tunnel]") {
    Bench bench;
    bench.add(100);
    bench.add(100, kOther);
    bench.add(100, {kOther.ip, 1046});
    bench.add(100, {kOther.ip, 1046});
    bench.socket.send(bench.datagrams);
    REQUIRE(bench.kernel.messages.size() == 3);
    CHECK_FALSE(segmented(bench.kernel.messages[0]));
    CHECK_FALSE(segmented(bench.kernel.messages[1]));
    CHECK(bench.kernel.messages[2].segment_size == 100);
    CHECK(bench.kernel.messages[2].parts == 4);
}

TEST_CASE("a long batch goes in as many calls as it takes, in order", "[tunnel]") {
    Bench bench;
    size_t total = 0;
    for (size_t i = 0; i < 500; i++) {
        bench.add(50 + i % 7);
        total += 50 + i % 7;
    }
    bench.socket.send(bench.datagrams);
    size_t got = 0;
    for (const auto& each : bench.kernel.messages) got += each.bytes;
    CHECK(got == total);
    CHECK(bench.failed() == 0);
}

TEST_CASE("EIO: sent one by one, and no more groups", "[tunnel]") {
    Bench bench;
    bench.kernel.refuse = [](const auto& message) { return segmented(message) ? EIO : 0; };
    for (int i = 0; i < 5; i++) bench.add(100);
    bench.socket.send(bench.datagrams);
    CHECK(bench.failed() == 0);
    CHECK(bench.kernel.messages.size() == 5);
    CHECK_FALSE(bench.offloads.on(Offload::udp_gso4));
    CHECK(bench.offloads.on(Offload::udp_gso6));
    CHECK(bench.offloads.why_off(Offload::udp_gso4).find("EIO") != std::string::npos);
    bench.kernel.calls = 0;
    bench.socket.send(bench.datagrams);
    CHECK(bench.kernel.calls == 1);
    CHECK(bench.kernel.messages.size() == 10);
}

TEST_CASE("EINVAL: sent one by one; thrice in a row, and no more groups", "[tunnel]") {
    Bench bench;
    bench.kernel.refuse = [](const auto& message) { return segmented(message) ? EINVAL : 0; };
    for (int i = 0; i < 3; i++) bench.add(100);
    for (int round = 1; round <= 3; round++) {
        CHECK(bench.offloads.on(Offload::udp_gso4));
        bench.socket.send(bench.datagrams);
        CHECK(bench.failed() == 0);
        CHECK(bench.kernel.messages.size() == static_cast<size_t>(3 * round));
    }
    CHECK_FALSE(bench.offloads.on(Offload::udp_gso4));
}

TEST_CASE("EMSGSIZE: only what is too large fails, and is tried once", "[tunnel]") {
    for (const int error : {EMSGSIZE, EINVAL}) {
        Bench bench;
        // A path for 1000 bytes; before Linux 6.14 a group is told so with EINVAL.
        bench.kernel.refuse = [error](const auto& message) {
            if (segmented(message)) return message.segment_size > 1000 ? error : 0;
            return message.bytes > 1000 ? EMSGSIZE : 0;
        };
        bench.add(500);
        bench.add(500);
        for (int i = 0; i < 20; i++) bench.add(1400);
        bench.add(300);
        bench.add(600);
        for (int round = 0; round < 5; round++) {
            bench.kernel.calls = 0;
            bench.kernel.messages.clear();
            bench.socket.send(bench.datagrams);
            CHECK(bench.failed() == 20);
            CHECK(bench.datagrams[22].error == 0);
            CHECK(bench.datagrams[23].error == 0);
            CHECK(bench.kernel.messages.size() == 3);
            CHECK(bench.kernel.calls < 15);
        }
        CHECK(bench.offloads.on(Offload::udp_gso4));
    }
}

TEST_CASE("other errors are the group's, and stop no other", "[tunnel]") {
    for (const int error : {ENOBUFS, EAGAIN, EPERM, ENETUNREACH}) {
        Bench bench;
        bench.kernel.refuse = [error](const auto& message) {
            return message.segment_size == 200 ? error : 0;
        };
        for (const size_t size : {100, 100, 200, 200, 100, 100}) bench.add(size);
        // 100 100 | 200 200 100 | 100
        bench.socket.send(bench.datagrams);
        CHECK(bench.failed() == 3);
        CHECK(bench.datagrams[2].error == error);
        CHECK(bench.datagrams[4].error == error);
        CHECK(bench.kernel.messages.size() == 2);
        CHECK(bench.offloads.on(Offload::udp_gso4));
    }
}

TEST_CASE("turned off by hand, nothing is grouped", "[tunnel]") {
    Bench bench;
    bench.offloads.absent(Offload::udp_gso4, "test");
    for (int i = 0; i < 70; i++) bench.add(100);
    bench.socket.send(bench.datagrams);
    CHECK(bench.kernel.messages.size() == 70);
    for (const auto& each : bench.kernel.messages) CHECK_FALSE(segmented(each));
}

TEST_CASE("a group through real sockets comes out as it went in", "[tunnel]") {
    for (const std::string_view disabled : {"", "udp-gro", "udp-gso", "udp-gro,udp-gso"}) {
        for (const auto* address : {"127.0.0.1", "::1"}) {
            const auto family = ip(address).family();
            const auto one = open_tunnel_socket({ip(address), 0});
            const auto two = open_tunnel_socket({ip(address), 0});
            if (!one || !two) continue;  // a host without IPv6
            Offloads offloads(*parse_offloads(disabled));
            TunnelSocket sender(one->get(), family, offloads);
            TunnelSocket receiver(two->get(), family, offloads);
            sockaddr_storage name{};
            socklen_t length = sizeof name;
            ::getsockname(two->get(), reinterpret_cast<sockaddr*>(&name), &length);
            const auto to = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&name));

            std::vector<test::Buffer> sent;
            std::vector<Datagram> datagrams;
            for (size_t i = 0; i < 40; i++) {
                sent.emplace_back(i == 39 ? 77 : 1000, static_cast<uint8_t>(i));
            }
            for (const auto& each : sent) {
                datagrams.push_back({to, Bytes(each).first(30), Bytes(each).subspan(30)});
            }
            sender.send(datagrams);
            for (const auto& each : datagrams) CHECK(each.error == 0);

            std::vector<test::Buffer> spaces(kBatch, test::Buffer(kPacketSpace));
            std::vector<DatagramSpace> into;
            for (auto& space : spaces) into.push_back({space, 0, 0, {}});
            std::vector<test::Buffer> got;
            bool bundled = false;
            while (got.size() < sent.size()) {
                pollfd state{two->get(), POLLIN, 0};
                REQUIRE(::poll(&state, 1, 5000) == 1);
                const size_t count = receiver.receive(into);
                for (const auto& each : std::span(into).first(count)) {
                    auto bytes = Bytes(each.space).first(each.size);
                    const size_t step = each.segment_size == 0 ? each.size : each.segment_size;
                    bundled |= each.size > step;
                    for (; !bytes.empty(); bytes = bytes.subspan(std::min(step, bytes.size()))) {
                        const auto part = bytes.first(std::min(step, bytes.size()));
                        got.emplace_back(part.begin(), part.end());
                    }
                }
            }
            CHECK(got == sent);
            CHECK(bundled == (disabled.empty() && offloads.on(udp_gso(family))));
        }
    }
}

TEST_CASE("names of offloads", "[tunnel]") {
    CHECK(*parse_offloads("") == 0);
    CHECK(offload_names(*parse_offloads("udp-gso,tun-uso")) == "tun-uso,udp-gso");
    CHECK(offload_names(*parse_offloads("all")) ==
          "tun-checksum,tun-tso,tun-uso,tun-gro-tcp,tun-gro-udp,udp-gso,udp-gro");
    CHECK(offload_names(0) == "none");
    for (const auto* bad : {"tso", "udp-gso,,udp-gro", "UDP-GSO", "udp-gso, udp-gro"}) {
        const auto parsed = parse_offloads(bad);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().text.find("there are: all,tun-checksum") != std::string::npos);
    }
    const Offloads none(*parse_offloads("tun-checksum"));
    CHECK_FALSE(none.on(Offload::tun_tso));
    CHECK(none.summary().find("tun-tso off (needs tun-checksum)") != std::string::npos);
    CHECK(none.on(Offload::udp_gro6));
}
