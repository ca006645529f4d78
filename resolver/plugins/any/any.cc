// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin any: a short answer to questions for everything (RFC 8482).
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kTtl = 8482;
constexpr std::string_view kHinfo =
    "\x0d"
    "ANY obsoleted"
    "\x0c"
    "See RFC 8482";

class Any final : public Handler {
  public:
    std::string_view name() const override { return "any"; }

    Step handle(Query& q) override {
        if (q.request.type != dns::rr::kAny) return Step::next;
        q.reply.answer.push_back(
            {.owner = q.asked_name(),
             .type = dns::rr::kHinfo,
             .ttl = kTtl,
             .rdata = {reinterpret_cast<const uint8_t*>(kHinfo.data()), kHinfo.size()}});
        return Step::done;
    }
};

}  // namespace

/// Arguments and a block have always been passed over.
Result<void> setup_any(Setup& setup) {
    setup.add(std::make_unique<Any>());
    return {};
}

}  // namespace ipref::resolver
