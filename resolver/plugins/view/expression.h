// SPDX-License-Identifier: GPL-2.0-or-later
// Expressions of plugin view: a small language with types, parsed once, worked out for a question.
//
//   E: E || E, E or E, E && E, E and E, !E, not E, (E)
//      V == V, !=, <, <=, >, >=, V in [V, V], V not in [...], V contains V, V startsWith V,
//      V endsWith V, V matches 'RE2 expression'
//   V: 'text', "text", number, true, false, or a function:
//      text     client_ip() server_ip() port() server_port() name() type() class() proto()
//               metadata('label')
//      number   size() bufsize() id() opcode()
//      bool     do() incidr(ADDRESS, PREFIX)
//
// Bounded: 8 KB of text, 64 levels of nesting. RE2 works in linear time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"
#include "resolver/server/message.h"

namespace ipref::resolver::view {

using Value = std::variant<bool, int64_t, std::string>;
enum class Type : uint8_t { boolean, number, text };

class Node {
  public:
    virtual ~Node() = default;
    virtual Type type() const = 0;
    virtual Value value(const Request& request) const = 0;
    /// The text, if it is a literal.
    virtual const std::string* literal() const { return nullptr; }
};
using NodePtr = std::shared_ptr<const Node>;

/// A condition. Errors say what is wrong and at which column: "unexpected end (1:14)".
Result<NodePtr> parse(std::string_view source);

/// A function call; `arguments` are of the right number and types, or it is an error.
Result<NodePtr> make_call(std::string_view name, std::vector<NodePtr> arguments);

inline bool is_true(const Node& condition, const Request& request) {
    return std::get<bool>(condition.value(request));
}

}  // namespace ipref::resolver::view
