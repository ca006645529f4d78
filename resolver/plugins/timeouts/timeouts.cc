// SPDX-License-Identifier: GPL-2.0-or-later
// How long connections may take. Source: spec page "ipref-coredns", 2.2 and 2.4, 9.
#include "resolver/server/plugin.h"

namespace ipref::resolver {

Result<void> setup_timeouts(Setup& setup) {
    using namespace std::chrono_literals;
    auto& d = setup.tokens();
    StreamTimes times;
    while (d.next()) {
        if (!d.remaining_args().empty()) return d.arg_err();
        Nanoseconds read = times.read;
        Nanoseconds write = times.write;
        Nanoseconds idle = times.idle;
        OptionTable table;
        table.duration("read", read, 1s, 24h, "From connecting to the first whole question.");
        table.duration("write", write, 1s, 24h, "For the client to take an answer.");
        table.duration("idle", idle, 1s, 24h, "From one question to the next.");
        if (auto done = table.read_block(d); !done) return done;
        const auto in_ms = [](Nanoseconds time) {
            return std::chrono::duration_cast<run::Milliseconds>(time);
        };
        times = {in_ms(read), in_ms(write), in_ms(idle)};
    }
    setup.settings().times = times;
    return {};
}

}  // namespace ipref::resolver
