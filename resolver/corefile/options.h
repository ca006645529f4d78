// SPDX-License-Identifier: GPL-2.0-or-later
// A plugin's options as a table: name, values, default and one sentence each. The table reads the
// block behind the directive, makes the error messages and the option list of the documentation.
//
//     OptionTable options;
//     options.number("max_fails", fails, 0, 1000, "Failed probes until an upstream counts as
//     down."); options.duration("expire", expire, 1ms, 24h, "Idle connections are closed after this
//     time.");
//     ...
//     if (auto done = options.read_block(dispenser); !done) return done;
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/corefile/dispenser.h"

namespace ipref::resolver {

using Nanoseconds = std::chrono::nanoseconds;

/// Go's durations: "1h30m", "50ms", "0.5s", "0"; a number needs a unit unless it is zero.
Result<Nanoseconds> parse_duration(std::string_view text);
/// As Go prints them: "1m30s", "500ms", "1.5s", "0s".
std::string duration_text(Nanoseconds value);

struct OptionRow {
    std::string name;
    std::string values;    ///< "DURATION", "N", "random|round_robin", "NAME..."; empty: no argument
    std::string fallback;  ///< default as text, empty if there is none
    std::string help;
    /// The current token is the option's name; takes its arguments, not more.
    std::function<Result<void>(Dispenser&)> take;
};

class OptionTable {
  public:
    void flag(std::string name, bool& to, std::string help);
    void number(std::string name, uint32_t& to, uint32_t least, uint32_t most, std::string help);
    void duration(std::string name, Nanoseconds& to, Nanoseconds least, Nanoseconds most,
                  std::string help);
    void text(std::string name, std::string values, std::string& to, std::string help);
    /// One of `words`; `to` gets its index.
    void choice(std::string name, std::vector<std::string> words, size_t& to, std::string help);
    /// One or more words, appended.
    void words(std::string name, std::string values, std::vector<std::string>& to,
               std::string help);
    /// Accepted and without effect, for old files.
    void ignored(std::string name, std::string help);
    /// Anything else.
    void custom(OptionRow row) { rows_.push_back(std::move(row)); }
    /// Lines of the block that begin with none of the options' names (plugin hosts): the current
    /// token is the first word. Without it such a line is an error.
    void otherwise(std::function<Result<void>(Dispenser&)> take) { otherwise_ = std::move(take); }
    std::vector<std::string> names() const;
    /// The error about `word`, with the nearest name.
    tl::unexpected<Error> unknown(const Dispenser& d, std::string_view word) const;

    /// Reads the block behind the current line, if there is one. An option that is not in the table
    /// is "unknown property 'x'", with the nearest name; a left-over argument is an error.
    Result<void> read_block(Dispenser& d) const;
    const std::vector<OptionRow>& rows() const { return rows_; }

  private:
    std::vector<OptionRow> rows_;
    std::function<Result<void>(Dispenser&)> otherwise_;
};

/// The word of `known` that `word` was probably meant to be (few edits away), or "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace ipref::resolver
