// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/template/expression.h"

#include <algorithm>
#include <charconv>

#include "resolver/plugins/template/functions.h"

namespace ipref::resolver::text_template {

namespace {

constexpr size_t kDeepest = 32;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Expression constant(Value value) {
    return {.literal = std::move(value)};
}

class Parser {
  public:
    explicit Parser(std::string_view source) : rest_(source) {}

    Result<Expression> whole() {
        auto out = pipeline(0);
        if (!out) return out;
        skip();
        if (!rest_.empty()) return fail("unexpected \"{}\"", rest_);
        return out;
    }

  private:
    void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
    bool take(char c) {
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view word() {
        size_t size = 0;
        while (size < rest_.size() && is_word(rest_[size])) size++;
        const auto out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    bool at_end() {
        skip();
        return rest_.empty() || rest_[0] == ')' || rest_[0] == '|';
    }

    Result<Expression> pipeline(size_t depth) {
        if (depth > kDeepest) return fail("nested more than {} deep", kDeepest);
        auto out = command(depth, nullptr);
        for (size_t pipes = 1; out && take('|'); pipes++) {
            if (pipes > kDeepest) return fail("more than {} functions in a row", kDeepest);
            auto last = std::move(*out);
            out = command(depth, &last);
        }
        return out;
    }

    /// One operand, or a function with its arguments; `last` is one more of them.
    Result<Expression> command(size_t depth, Expression* last) {
        if (at_end()) return fail("missing value");
        auto first = operand(depth);
        if (!first) return first;
        const bool call = bare_function_;
        while (call && !at_end()) {
            auto argument = operand(depth);
            if (!argument) return argument;
            if (bare_function_) return fail("a function as an argument needs parentheses");
            first->arguments.push_back(std::move(*argument));
        }
        if (!at_end()) return fail("unexpected \"{}\"", rest_);
        if (last != nullptr && !call) return fail("behind | a function is expected");
        if (last != nullptr) first->arguments.push_back(std::move(*last));
        return call ? checked(std::move(*first)) : first;
    }

    static Result<Expression> checked(Expression call) {
        const auto& function = functions()[call.which];
        const size_t count = call.arguments.size();
        if (count >= function.least && count <= function.most) return call;
        return fail("wrong number of args for {}: want {} got {}", function.name, function.least,
                    count);
    }

    Result<Expression> operand(size_t depth) {
        skip();
        bare_function_ = false;
        if (take('(')) {
            auto out = pipeline(depth + 1);
            if (!out) return out;
            skip();
            bare_function_ = false;
            if (!take(')')) return fail("unclosed left paren");
            return out;
        }
        if (take('"')) return quoted();
        if (take('`')) return raw();
        if (take('.')) return field();
        const bool negative = take('-');
        const auto name = word();
        if (name.empty()) return fail("unexpected \"{}\"", rest_.substr(0, 1));
        if (negative || (name[0] >= '0' && name[0] <= '9')) return number(name, negative);
        if (name == "true" || name == "false") return constant(name == "true");
        return function(name);
    }

    Result<Expression> function(std::string_view name) {
        const auto table = functions();
        for (size_t i = 0; i < table.size(); i++) {
            if (table[i].name != name) continue;
            bare_function_ = true;
            return Expression{.kind = Expression::Kind::call, .which = i};
        }
        return fail("function \"{}\" not defined", name);
    }

    Result<Expression> field() {
        const auto name = word();
        if (name == "Meta") return function(".Meta");
        const auto table = fields();
        for (size_t i = 0; i < table.size(); i++) {
            if (table[i].name != name) continue;
            if (name == "Group" && take('.')) {
                const auto group = word();
                if (group.empty()) return fail("the name of a group is missing behind .Group.");
                return Expression{.kind = Expression::Kind::group, .text = std::string(group)};
            }
            if (!rest_.empty() && rest_[0] == '.') return fail("\".{}\" has no fields", name);
            return Expression{.kind = Expression::Kind::field, .which = i};
        }
        return fail(
            "\".{}\" is not known; there are .Name .Zone .Class .Type .Remote .Match "
            ".Group .Meta",
            name);
    }

    static Result<Expression> number(std::string_view text, bool negative) {
        const bool hex = text.starts_with("0x") || text.starts_with("0X");
        const auto digits = hex ? text.substr(2) : text;
        int64_t value = 0;
        const auto end = digits.data() + digits.size();
        const auto [at, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
        if (error != std::errc() || at != end || value < 0) return fail("bad number \"{}\"", text);
        return constant(negative ? -value : value);
    }

    Result<Expression> quoted() {
        std::string out;
        while (!rest_.empty() && rest_[0] != '"') {
            char c = rest_[0];
            rest_.remove_prefix(1);
            if (c == '\\') {
                if (rest_.empty()) break;
                c = rest_[0] == 'n' ? '\n' : rest_[0] == 't' ? '\t' : rest_[0];
                rest_.remove_prefix(1);
            }
            out += c;
        }
        if (!take('"')) return fail("unterminated quoted string");
        return constant(std::move(out));
    }

    Result<Expression> raw() {
        const auto end = rest_.find('`');
        if (end == std::string_view::npos) return fail("unterminated raw quoted string");
        auto out = constant(std::string(rest_.substr(0, end)));
        rest_.remove_prefix(end + 1);
        return out;
    }

    std::string_view rest_;
    bool bare_function_ = false;  // the last operand was a function's name, not yet called
};

}  // namespace

Result<Expression> parse_expression(std::string_view source) {
    return Parser(source).whole();
}

Result<Value> evaluate(const Expression& expression, const TemplateData& data) {
    switch (expression.kind) {
        case Expression::Kind::literal:
            return expression.literal;
        case Expression::Kind::field:
            return fields()[expression.which].get(data);
        case Expression::Kind::group: {
            const auto found = data.group.find(expression.text);
            return found == data.group.end() ? Value() : Value(found->second);
        }
        case Expression::Kind::call:
            break;
    }
    std::vector<Value> arguments;
    for (const auto& argument : expression.arguments) {
        auto value = evaluate(argument, data);
        if (!value) return value;
        arguments.push_back(std::move(*value));
    }
    return functions()[expression.which].call(arguments, data);
}

std::string text_of(const Value& value) {
    struct Printer {
        std::string operator()(std::monostate) const { return "<no value>"; }
        std::string operator()(const std::string& text) const { return text; }
        std::string operator()(int64_t number) const { return std::to_string(number); }
        std::string operator()(bool yes) const { return yes ? "true" : "false"; }
        std::string operator()(const List* list) const {
            return fmt::format("[{}]", fmt::join(*list, " "));
        }
        std::string operator()(const Map* map) const {
            std::string out;
            for (const auto& [key, item] : *map) {
                out += fmt::format("{}{}:{}", out.empty() ? "" : " ", key, item);
            }
            return "map[" + out + "]";
        }
    };
    return std::visit(Printer(), value);
}

bool is_true(const Value& value) {
    struct Truth {
        bool operator()(std::monostate) const { return false; }
        bool operator()(const std::string& text) const { return !text.empty(); }
        bool operator()(int64_t number) const { return number != 0; }
        bool operator()(bool yes) const { return yes; }
        bool operator()(const List* list) const { return !list->empty(); }
        bool operator()(const Map* map) const { return !map->empty(); }
    };
    return std::visit(Truth(), value);
}

}  // namespace ipref::resolver::text_template
