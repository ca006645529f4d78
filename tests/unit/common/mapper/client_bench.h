// SPDX-License-Identifier: GPL-2.0-or-later
// A client of the mapper and a scripted gateway, for tests.
#pragma once

#include "common/mapper/client.h"
#include "unit/catch.h"
#include "unit/common/mapper/scripted_mapper.h"
#include "unit/temporary_directory.h"

namespace ipref::test {

using mapper::Client;
using mapper::ClientEvents;
using mapper::ClientOptions;
using mapper::Dropped;
using mapper::Protocol;
using mapper::Server;
using run::Milliseconds;

inline std::shared_ptr<wire::HostSet> host_set(size_t count) {
    auto set = std::make_shared<wire::HostSet>();
    set->local_domain = "internal";
    set->public_domain = "example.com";
    for (uint32_t i = 0; i < count; i++) {
        set->hosts.push_back({net::Ip::v4(0x0a000000 + i), {net::Ip::v4(0xcb007101), {0, i + 2}}});
    }
    set->hash = wire::hash_of(set->hosts);
    return set;
}

/// A loop, a socket path and a client whose events are kept. A test that waits for what never
/// comes ends at the guard.
struct Bench {
    run::Loop loop;
    TemporaryDirectory directory;
    std::string path = directory.file("mapper.sock");
    std::unique_ptr<ScriptedMapper> server;
    std::unique_ptr<Client> client;
    std::vector<Server> connected;
    std::vector<std::string> lost;
    std::vector<Dropped> dropped;
    std::vector<std::string> ignored;
    std::function<void()> on_connected = [] {};
    bool guarded = false;
    run::Timer guard{loop, [this] {
                         guarded = true;
                         loop.stop();
                     }};

    void serve(ScriptedMapper::Script script) {
        server = std::make_unique<ScriptedMapper>(loop, path, std::move(script));
    }
    void connect(Protocol protocol, std::function<void(ClientOptions&)> change = {}) {
        ClientOptions options{.path = path, .program = "unit", .protocol = protocol};
        options.hello_timeout = Milliseconds(30);
        options.first_backoff = Milliseconds(5);
        options.longest_backoff = Milliseconds(20);
        options.request_timeout = Milliseconds(5000);
        if (change) change(options);
        ClientEvents events;
        events.connected = [this](const Server& s) {
            connected.push_back(s);
            on_connected();
        };
        events.lost = [this](const std::string& why) { lost.push_back(why); };
        events.mappings_changed = [this](const Dropped& d) { dropped.push_back(d); };
        events.ignored = [this](const std::string& why) { ignored.push_back(why); };
        client = std::make_unique<Client>(loop, options, events);
    }
    void run() {
        guard.start(Milliseconds(20'000));
        loop.run();
        guard.stop();
        REQUIRE_FALSE(guarded);
    }
};

}  // namespace ipref::test
