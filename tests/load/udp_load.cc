// SPDX-License-Identifier: GPL-2.0-or-later
// A load of UDP datagrams and what arrives of it: fast enough that the path between is the limit.
//
//   udp-load send ADDR PORT SIZE SECONDS FLOWS RATE    RATE datagrams a second, 0: as fast as it
//   goes udp-load receive ADDR PORT SECONDS                 ends that long after the first datagram
//
// Prints one line of JSON. A flow is a source port.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "common/net/ip.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kBatch = 32;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

sockaddr_storage address(const char* ip, const char* port, socklen_t& size) {
    const auto parsed = ipref::net::Ip::parse(ip);
    const auto number = ipref::net::parse_port(port);
    if (!parsed || !number) {
        std::fprintf(stderr, "%s:%s is no address and port\n", ip, port);
        std::exit(2);
    }
    sockaddr_storage out;
    size = ipref::net::Endpoint{*parsed, *number}.to(out);
    return out;
}

int udp_socket(const sockaddr_storage& where) {
    const int fd = socket(where.ss_family, SOCK_DGRAM, 0);
    if (fd < 0) die("socket");
    const int size = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    return fd;
}

/// Sends one batch on a connected socket; returns how many the kernel took.
int send_batch(int fd, std::vector<uint8_t>& payload, uint64_t& sequence, size_t count) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts{};
    for (size_t i = 0; i < count; i++) {
        parts[i] = {payload.data(), payload.size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(fd, messages.data(), static_cast<unsigned>(count), 0);
    if (sent > 0) sequence += static_cast<uint64_t>(sent);
    return sent;
}

int send_load(char** argv) {
    socklen_t size = 0;
    const auto to = address(argv[0], argv[1], size);
    std::vector<uint8_t> payload(std::max(8, std::atoi(argv[2])));
    const double seconds = std::atof(argv[3]);
    const double rate = std::atof(argv[5]);
    std::vector<int> flows;
    for (int i = 0; i < std::atoi(argv[4]); i++) {
        flows.push_back(udp_socket(to));
        if (connect(flows.back(), reinterpret_cast<const sockaddr*>(&to), size) != 0)
            die("connect");
    }
    uint64_t sequence = 0;
    uint64_t refused = 0;
    const auto start = Clock::now();
    for (size_t turn = 0;; turn++) {
        const double passed = std::chrono::duration<double>(Clock::now() - start).count();
        if (passed >= seconds) break;
        size_t count = kBatch;
        if (rate > 0) {
            const double due = passed * rate - static_cast<double>(sequence);
            if (due < 1) {
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                continue;
            }
            count = std::min(kBatch, static_cast<size_t>(due));
        }
        if (send_batch(flows[turn % flows.size()], payload, sequence, count) < 0) refused++;
    }
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    std::printf("{\"sent\": %llu, \"seconds\": %.3f, \"refused\": %llu}\n",
                static_cast<unsigned long long>(sequence), passed,
                static_cast<unsigned long long>(refused));
    return 0;
}

int receive_load(char** argv) {
    socklen_t size = 0;
    const auto at = address(argv[0], argv[1], size);
    const double seconds = std::atof(argv[2]);
    const int fd = udp_socket(at);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&at), size) != 0) die("bind");
    std::printf("ready\n");
    std::fflush(stdout);
    static std::array<std::array<uint8_t, 2048>, 64> space;
    std::array<mmsghdr, 64> messages{};
    std::array<iovec, 64> parts{};
    for (size_t i = 0; i < messages.size(); i++) {
        parts[i] = {space[i].data(), space[i].size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t packets = 0;
    uint64_t bytes = 0;
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, 20000) <= 0) return 1;
    const auto start = Clock::now();
    const auto end =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    auto last = start;
    while (Clock::now() < end) {
        if (poll(&ready, 1, 100) <= 0) continue;
        const int got = recvmmsg(fd, messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
        for (int i = 0; i < got; i++) bytes += messages[static_cast<size_t>(i)].msg_len;
        if (got > 0) packets += static_cast<uint64_t>(got);
        last = Clock::now();
    }
    std::printf("{\"packets\": %llu, \"bytes\": %llu, \"seconds\": %.3f}\n",
                static_cast<unsigned long long>(packets), static_cast<unsigned long long>(bytes),
                std::chrono::duration<double>(last - start).count());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "send" && argc == 8) return send_load(argv + 2);
    if (verb == "receive" && argc == 5) return receive_load(argv + 2);
    std::fprintf(stderr,
                 "usage: udp-load send ADDR PORT SIZE SECONDS FLOWS RATE\n"
                 "       udp-load receive ADDR PORT SECONDS\n");
    return 2;
}
