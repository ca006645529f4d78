// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Go's text/template that records need: text with {{ actions }}.
//
//   .Name .Zone .Class .Type .Remote    text
//   .Match, .Group                      what the expression matched: a list, groups by name
//   .Group.NAME, index .Match 1, index .Group "NAME", .Meta "plugin/label"
//   parseInt TEXT BASE BITS             an unsigned number, an error if it has more bits
//   eq ne and or not len                as in Go
//   A | B                               A becomes the last argument of B
//   {{ if E }} {{ else if E }} {{ else }} {{ end }}, {{- and -}} for blanks, {{/* comments */}}
//
// Made once, run by any thread. Bounded: source and result 64 KB, nesting 32.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace ipref::resolver {

/// What a template may name. `match[0]` is all that the expression matched.
struct TemplateData {
    std::string name, zone, klass, type, remote;
    std::vector<std::string> match;
    std::map<std::string, std::string, std::less<>> group;
    /// The value of a metadata label; "" if nobody has set it.
    std::function<std::string(std::string_view)> meta;
};

class TextTemplate {
  public:
    /// Errors name what is wrong and in which line: `template: answer:1: function "upper" not
    /// defined`, where `title` is "answer".
    static Result<TextTemplate> parse(std::string_view source, std::string_view title);
    TextTemplate(TextTemplate&&) noexcept;
    TextTemplate& operator=(TextTemplate&&) noexcept;
    ~TextTemplate();

    const std::string& source() const { return source_; }
    /// An error for what cannot be worked out: an index out of range, a number with too many bits.
    Result<std::string> run(const TemplateData& data) const;

    struct Node;

  private:
    TextTemplate();
    std::string source_;
    std::vector<Node> nodes_;
};

}  // namespace ipref::resolver
