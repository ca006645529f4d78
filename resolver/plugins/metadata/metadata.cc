// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin metadata: has plugins publish what they know about a query.
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

class Metadata final : public Handler {
  public:
    explicit Metadata(std::vector<Name> zones) : zones_(std::move(zones)) {}
    std::string_view name() const override { return "metadata"; }

    Step handle(Query& q) override {
        if (longest_zone(zones_, q.request.lower) == nullptr) return Step::next;
        q.keep_metadata();
        if (!q.view().empty()) q.set_metadata("view/name", q.view());
        return Step::next;
    }

  private:
    std::vector<Name> zones_;
};

}  // namespace

Result<void> setup_metadata(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Name> zones;
    while (d.next()) {
        auto named = setup.zones_or_own(d.remaining_tokens());
        if (!named) return tl::unexpected(named.error());
        zones.insert(zones.end(), named->begin(), named->end());
        if (d.next_block() || d.next_on_line()) return d.arg_err();
        if (!d.ok()) return d.eof_err();
    }
    setup.add(std::make_unique<Metadata>(std::move(zones)));
    return {};
}

}  // namespace ipref::resolver
