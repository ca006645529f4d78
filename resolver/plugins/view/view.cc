// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin view: a server block that is for some questions only.
#include "resolver/plugins/view/expression.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

/// All of its conditions must hold.
class Filter final : public BlockFilter {
  public:
    explicit Filter(std::vector<view::NodePtr> conditions) : conditions_(std::move(conditions)) {}
    bool accepts(const Request& request) const override {
        for (const auto& condition : conditions_) {
            if (!view::is_true(*condition, request)) return false;
        }
        return true;
    }

  private:
    std::vector<view::NodePtr> conditions_;
};

Result<void> take_condition(Dispenser& d, std::vector<view::NodePtr>& to) {
    const auto words = d.remaining_args();
    if (words.empty()) return d.arg_err();
    auto made = view::parse(fmt::format("{}", fmt::join(words, " ")));
    if (!made) return d.err(made.error().text);
    to.push_back(std::move(*made));
    return {};
}

}  // namespace

Result<void> setup_view(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<view::NodePtr> conditions;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (!d.next_arg()) return d.arg_err();
        setup.settings().view = d.val();
        if (d.next_arg()) return d.arg_err();
        OptionTable table;
        table.custom({"expr", "EXPRESSION", "", "A condition; of several all must hold.",
                      [&](Dispenser& in) { return take_condition(in, conditions); }});
        if (auto read = table.read_block(d); !read) return read;
    }
    setup.settings().filter = std::make_shared<Filter>(std::move(conditions));
    return {};
}

}  // namespace ipref::resolver
