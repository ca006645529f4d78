// SPDX-License-Identifier: GPL-2.0-or-later
// What stands between {{ and }}: parsed to a tree, worked out with the data of one query.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "resolver/plugins/template/text_template.h"

namespace ipref::resolver::text_template {

using List = std::vector<std::string>;
using Map = std::map<std::string, std::string, std::less<>>;
/// Nothing: a group that does not exist. Pointers are into the data.
using Value = std::variant<std::monostate, std::string, int64_t, bool, const List*, const Map*>;

struct Expression {
    enum class Kind : uint8_t { literal, field, group, call };
    Kind kind = Kind::literal;
    Value literal = {};
    size_t which = 0;       ///< field or function: an index into a table of expression.cc
    std::string text = {};  ///< the group's name
    std::vector<Expression> arguments = {};
};

/// `source` is what stands between the braces. Errors without position.
Result<Expression> parse_expression(std::string_view source);
Result<Value> evaluate(const Expression& expression, const TemplateData& data);
/// As Go prints it.
std::string text_of(const Value& value);
/// Not empty, not zero, not false.
bool is_true(const Value& value);

}  // namespace ipref::resolver::text_template
