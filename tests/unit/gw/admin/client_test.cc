// SPDX-License-Identifier: GPL-2.0-or-later
// What the client says of whoever listens on the socket.
#include "gw/admin/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "common/wire/mapper_frame.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::gw::admin;

namespace {

constexpr Milliseconds kShort{100};

bool has(const Trouble& trouble, std::string_view part) {
    return trouble.text.find(part) != std::string::npos;
}

/// A socket with whoever answers on it.
struct Listener : test::TemporaryDirectory {
    explicit Listener(int kind = SOCK_SEQPACKET) : fd(::socket(AF_UNIX, kind | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path().c_str());
        if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            listen(fd.get(), 1) != 0) {
            FAIL(strerror(errno));
        }
    }
    std::string path() const { return file("mapper.sock"); }
    /// Answers each record of one connection until that ends.
    template <typename Answer>
    std::thread serve(Answer answer) {
        return std::thread([this, answer] {
            const run::Fd one(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
            std::array<uint8_t, 65536> buffer{};
            for (;;) {
                const ssize_t got = ::recv(one.get(), buffer.data(), buffer.size(), 0);
                if (got <= 0) return;
                const std::vector<uint8_t> record =
                    answer(wire::Bytes(buffer.data(), static_cast<size_t>(got)));
                if (!record.empty()) ::send(one.get(), record.data(), record.size(), MSG_NOSIGNAL);
            }
        });
    }

    run::Fd fd;
};

}  // namespace

TEST_CASE("no socket, a stale one, one of another kind", "[admin]") {
    const test::TemporaryDirectory directory;
    auto none = Client::connect(directory.file("none"));
    REQUIRE_FALSE(none);
    CHECK(none.error().status == exit_no_gateway);
    CHECK(
        has(none.error(), "there is no such file; start it, or name its own with -mapper-socket"));
    Listener listener;
    listener.fd.reset();
    CHECK(has(Client::connect(listener.path()).error(), "an ended one has left"));
    const Listener stream(SOCK_STREAM);
    CHECK(has(Client::connect(stream.path()).error(), "another kind"));
}

TEST_CASE("a gateway that does not answer is frozen, one that answers V1 is old", "[admin]") {
    const Listener frozen;
    auto client = Client::connect(frozen.path(), kShort);
    REQUIRE_FALSE(client);
    CHECK(client.error().status == exit_no_gateway);
    CHECK(has(client.error(), "does not answer"));

    Listener old;
    auto thread = old.serve([](wire::Bytes record) -> std::vector<uint8_t> {
        if (wire::record_kind(record) != wire::RecordKind::v1) return {};
        std::vector<uint8_t> nack(record.begin(), record.end());
        nack[1] |= 0xc0;
        return nack;
    });
    client = Client::connect(old.path(), kShort);
    thread.join();
    REQUIRE_FALSE(client);
    CHECK(client.error().status == exit_no_gateway);
    CHECK(has(client.error(), "V1 only"));
}

TEST_CASE("pushes are passed over, failures are told, an end is noticed", "[admin]") {
    Listener listener;
    auto thread = listener.serve([&](wire::Bytes record) -> std::vector<uint8_t> {
        if (wire::record_kind(record) != wire::RecordKind::protobuf) return {};
        const auto asked = wire::parse_frame(record).value();
        proto::Frame answer;
        answer.set_id(asked.id());
        if (asked.has_hello()) {
            answer.mutable_hello()->set_program("ipref-gw");
        } else if (asked.has_peers_request()) {
            answer.mutable_failure()->set_text("no peers here");
        } else {
            answer.set_id(0);  // a push, and never the answer
            answer.mutable_mappings_changed()->set_all(true);
        }
        return wire::build_frame(std::move(answer)).value();
    });
    {
        auto client = Client::connect(listener.path(), kShort);
        REQUIRE(client);
        CHECK(client->gateway().program() == "ipref-gw");
        proto::Frame request;
        request.mutable_peers_request();
        const auto refused = client->ask(request);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().status == exit_failed);
        CHECK(has(refused.error(), "no peers here"));
        request.mutable_status_request();
        CHECK(client->ask(request).error().status == exit_no_gateway);
    }
    thread.join();
}
