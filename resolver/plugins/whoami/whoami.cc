// SPDX-License-Identifier: GPL-2.0-or-later
// Answers every question with the client's own address, and its port and transport as SRV.
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

class Whoami final : public Handler {
  public:
    std::string_view name() const override { return "whoami"; }

    Step handle(Query& q) override {
        const auto& request = q.request;
        const std::string_view label = request.proto == Proto::tcp ? "_tcp" : "_udp";
        q.reply.aa = true;
        q.add_address(q.reply.additional, q.asked_name(), 0, request.client.ip);
        const Bytes bytes(reinterpret_cast<const uint8_t*>(label.data()), label.size());
        const auto owner = request.name.with_label(bytes);
        if (!owner) return Step::done;  // no room for another label: the address only
        const uint8_t srv[] = {0,
                               0,
                               0,
                               0,
                               static_cast<uint8_t>(request.client.port >> 8),
                               static_cast<uint8_t>(request.client.port),
                               0};
        q.reply.additional.push_back({.owner = q.arena().copy(owner->wire()),
                                      .type = dns::rr::kSrv,
                                      .rdata = q.arena().copy(srv)});
        return Step::done;
    }
};

}  // namespace

Result<void> setup_whoami(Setup& setup) {
    auto& d = setup.tokens();
    while (d.next()) {
        if (d.next_on_line()) return d.arg_err();
    }
    setup.add(std::make_unique<Whoami>());
    return {};
}

}  // namespace ipref::resolver
