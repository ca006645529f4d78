// SPDX-License-Identifier: GPL-2.0-or-later
// What has gone wrong first, and the steps that led there.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <string>
#include <utility>

namespace ipref::gw::sim {

class Judge {
  public:
    /// An invariant is broken. Only the first counts: the rest follows from it.
    template <typename... Values>
    void broken(fmt::format_string<Values...> text, Values&&... values) {
        if (verdict_.empty()) verdict_ = fmt::format(text, std::forward<Values>(values)...);
    }
    template <typename... Values>
    void note(fmt::format_string<Values...> text, Values&&... values) {
        steps_.push_back(fmt::format(text, std::forward<Values>(values)...));
        if (steps_.size() > kKept) steps_.pop_front();
    }
    bool is_broken() const { return !verdict_.empty(); }
    const std::string& verdict() const { return verdict_; }
    const std::deque<std::string>& steps() const { return steps_; }

  private:
    static constexpr size_t kKept = 40;
    std::string verdict_;
    std::deque<std::string> steps_;
};

}  // namespace ipref::gw::sim
