// SPDX-License-Identifier: GPL-2.0-or-later
// Lines of plugin log: a format with placeholders, and the query that fills them in.
// Source: spec page "ipref-coredns", 2 "Output" and 2.2 "log".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resolver/server/query.h"

namespace ipref::resolver {

/// The line without format: `{remote}:{port} - {>id} "{type} ...`.
extern const std::string_view kCommonLogFormat;
extern const std::string_view kCombinedLogFormat;

/// What became of a query, for `class` of plugin log.
enum class LogClass : uint8_t { success = 1, denial = 2, error = 4, all = 7 };
LogClass class_of(const Query& q);

class LogFormat {
  public:
    /// `{common}` and `{combined}` stand for the formats above; an unknown placeholder is text.
    explicit LogFormat(std::string_view format);
    std::string line(const Query& q) const;

    /// Writes what a placeholder stands for.
    using Value = void (*)(const Query& q, std::string& out);

  private:
    struct Piece {
        Value value;  ///< null: text, or metadata
        std::string text;
        bool metadata;  ///< `text` is a label
    };
    std::vector<Piece> pieces_;
};

}  // namespace ipref::resolver
