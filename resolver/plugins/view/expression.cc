// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/view/expression.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

namespace ipref::resolver::view {

namespace {

constexpr size_t kMostBytes = 8192;
constexpr size_t kDeepest = 64;
constexpr std::string_view kTypes[] = {"bool", "number", "text"};

std::string_view type_name(Type type) {
    return kTypes[static_cast<size_t>(type)];
}

class Literal final : public Node {
  public:
    explicit Literal(Value value) : value_(std::move(value)) {}
    Type type() const override { return static_cast<Type>(value_.index()); }
    Value value(const Request&) const override { return value_; }
    const std::string* literal() const override { return std::get_if<std::string>(&value_); }

  private:
    Value value_;
};

/// A condition of one or two values.
class Condition final : public Node {
  public:
    using Test = std::function<bool(const Request&)>;
    explicit Condition(Test test) : test_(std::move(test)) {}
    Type type() const override { return Type::boolean; }
    Value value(const Request& request) const override { return test_(request); }

  private:
    Test test_;
};

NodePtr condition(Condition::Test test) {
    return std::make_shared<Condition>(std::move(test));
}

template <typename Compare>
NodePtr compared(NodePtr a, NodePtr b, Compare compare) {
    return condition([a = std::move(a), b = std::move(b), compare](const Request& request) {
        return compare(a->value(request), b->value(request));
    });
}

template <typename Compare>
NodePtr texts(NodePtr a, NodePtr b, Compare compare) {
    return compared(std::move(a), std::move(b), [compare](const Value& x, const Value& y) {
        return compare(std::get<std::string>(x), std::get<std::string>(y));
    });
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Parser {
  public:
    explicit Parser(std::string_view source) : whole_(source), rest_(source) {}

    Result<NodePtr> condition_of_all() {
        auto out = either(0);
        if (!out) return out;
        skip();
        if (!rest_.empty()) return unexpected();
        if ((*out)->type() != Type::boolean) {
            return error(
                fmt::format("a condition is expected, this is a {}", type_name((*out)->type())));
        }
        return out;
    }

  private:
    tl::unexpected<Error> error(std::string_view what) const {
        return fail("{} (1:{})", what, whole_.size() - rest_.size());
    }
    tl::unexpected<Error> unexpected() const {
        if (rest_.empty()) return error("unexpected end of the expression");
        size_t size = 1;
        while (is_word(rest_[0]) && size < rest_.size() && is_word(rest_[size])) size++;
        return error(fmt::format("unexpected \"{}\"", rest_.substr(0, size)));
    }

    void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
    /// Takes a sign or a word, a word only as a whole.
    bool take(std::string_view what) {
        skip();
        if (!rest_.starts_with(what)) return false;
        const bool word = is_word(what.back());
        if (word && rest_.size() > what.size() && is_word(rest_[what.size()])) return false;
        rest_.remove_prefix(what.size());
        return true;
    }

    Result<NodePtr> chain(size_t depth, std::string_view sign, std::string_view word, bool stop,
                          Result<NodePtr> (Parser::*part)(size_t)) {
        if (depth > kDeepest) return error("nested too deep");
        auto first = (this->*part)(depth);
        if (!first) return first;
        std::vector<NodePtr> parts{*first};
        while (take(sign) || take(word)) {
            auto next = (this->*part)(depth);
            if (!next) return next;
            parts.push_back(*next);
        }
        if (parts.size() == 1) return first;
        for (const auto& one : parts) {
            if (one->type() != Type::boolean) {
                return error(fmt::format("{} is between conditions, not a {}", sign,
                                         type_name(one->type())));
            }
        }
        return condition([parts, stop](const Request& request) {
            for (const auto& one : parts) {
                if (is_true(*one, request) == stop) return stop;
            }
            return !stop;
        });
    }
    Result<NodePtr> either(size_t depth) { return chain(depth, "||", "or", true, &Parser::both); }
    Result<NodePtr> both(size_t depth) { return chain(depth, "&&", "and", false, &Parser::test); }

    Result<NodePtr> negated(size_t depth) {
        auto of = test(depth + 1);
        if (!of) return of;
        if ((*of)->type() != Type::boolean) {
            return error(
                fmt::format("! is before a condition, not a {}", type_name((*of)->type())));
        }
        return condition([of = *of](const Request& request) { return !is_true(*of, request); });
    }

    /// A value, or a comparison of two.
    Result<NodePtr> test(size_t depth) {
        if (depth > kDeepest) return error("nested too deep");
        skip();
        if (!rest_.starts_with("!=") && (take("!") || take("not"))) return negated(depth);
        auto left = operand(depth);
        if (!left) return left;
        if (take("in")) return among(*left, depth, true);
        if (take("not")) {
            if (!take("in")) return unexpected();
            return among(*left, depth, false);
        }
        if (take("matches")) return matched(*left, depth);
        for (const std::string_view word : {"contains", "startsWith", "endsWith"}) {
            if (take(word)) return text_test(word, *left, depth);
        }
        for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
            if (take(sign)) return comparison(sign, *left, depth);
        }
        return left;
    }

    Result<NodePtr> comparison(std::string_view sign, const NodePtr& left, size_t depth) {
        auto right = operand(depth);
        if (!right) return right;
        const auto type = left->type();
        if (type != (*right)->type()) {
            return error(fmt::format("invalid operation: {} (mismatched types {} and {})", sign,
                                     type_name(type), type_name((*right)->type())));
        }
        if (sign == "==") return compared(left, *right, std::equal_to<Value>());
        if (sign == "!=") return compared(left, *right, std::not_equal_to<Value>());
        if (type == Type::boolean) return error(fmt::format("{} is no test of bools", sign));
        if (sign == "<") return compared(left, *right, std::less<Value>());
        if (sign == "<=") return compared(left, *right, std::less_equal<Value>());
        if (sign == ">") return compared(left, *right, std::greater<Value>());
        return compared(left, *right, std::greater_equal<Value>());
    }

    Result<NodePtr> text_test(std::string_view word, const NodePtr& left, size_t depth) {
        auto right = operand(depth);
        if (!right) return right;
        if (left->type() != Type::text || (*right)->type() != Type::text) {
            return error(fmt::format("{} is between texts", word));
        }
        using Text = const std::string&;
        if (word == "contains") {
            return texts(left, *right, [](Text a, Text b) { return a.find(b) != a.npos; });
        }
        if (word == "startsWith") {
            return texts(left, *right, [](Text a, Text b) { return a.starts_with(b); });
        }
        return texts(left, *right, [](Text a, Text b) { return a.ends_with(b); });
    }

    Result<NodePtr> matched(const NodePtr& left, size_t depth) {
        auto right = operand(depth);
        if (!right) return right;
        const auto* pattern = (*right)->literal();
        if (left->type() != Type::text || pattern == nullptr) {
            return error("matches is between a text and a literal pattern");
        }
        const auto made = std::make_shared<const RE2>(*pattern, RE2::Quiet);
        if (!made->ok()) return error(fmt::format("error parsing regexp: {}", made->error()));
        return condition([left, made](const Request& request) {
            return RE2::PartialMatch(std::get<std::string>(left->value(request)), *made);
        });
    }

    Result<NodePtr> among(const NodePtr& left, size_t depth, bool wanted) {
        if (!take("[")) return error("behind in a list is expected, as ['A', 'AAAA']");
        std::vector<NodePtr> list;
        while (!take("]")) {
            if (!list.empty() && !take(",")) return unexpected();
            auto one = operand(depth);
            if (!one) return one;
            if ((*one)->type() != left->type()) {
                return error(fmt::format("a list of {} is expected", type_name(left->type())));
            }
            list.push_back(*one);
        }
        return condition([left, list, wanted](const Request& request) {
            const auto value = left->value(request);
            return wanted == std::any_of(list.begin(), list.end(), [&](const NodePtr& one) {
                       return one->value(request) == value;
                   });
        });
    }

    Result<NodePtr> operand(size_t depth) {
        if (depth > kDeepest) return error("nested too deep");
        skip();
        if (take("(")) {
            auto out = either(depth + 1);
            if (out && !take(")")) return unexpected();
            return out;
        }
        if (rest_.empty()) return unexpected();
        const char c = rest_[0];
        if (c == '\'' || c == '"') return quoted(c);
        if (c == '-' || (c >= '0' && c <= '9')) return number();
        if (take("true")) return std::make_shared<Literal>(true);
        if (take("false")) return std::make_shared<Literal>(false);
        return call(depth);
    }

    Result<NodePtr> quoted(char quote) {
        const auto before = rest_;
        rest_.remove_prefix(1);
        std::string out;
        while (!rest_.empty() && rest_[0] != quote) {
            if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            out += rest_[0];
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) {
            rest_ = before;
            return error("literal not terminated");
        }
        rest_.remove_prefix(1);
        return std::make_shared<Literal>(std::move(out));
    }

    Result<NodePtr> number() {
        int64_t value = 0;
        const auto [at, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (failed != std::errc()) return unexpected();
        rest_.remove_prefix(static_cast<size_t>(at - rest_.data()));
        return std::make_shared<Literal>(value);
    }

    Result<NodePtr> call(size_t depth) {
        size_t size = 0;
        while (size < rest_.size() && is_word(rest_[size])) size++;
        const auto name = rest_.substr(0, size);
        if (name.empty()) return unexpected();
        rest_.remove_prefix(size);
        if (!take("(")) return error(fmt::format("unknown name {}; functions need ()", name));
        std::vector<NodePtr> arguments;
        while (!take(")")) {
            if (!arguments.empty() && !take(",")) return unexpected();
            auto one = either(depth + 1);
            if (!one) return one;
            arguments.push_back(*one);
        }
        auto made = make_call(name, std::move(arguments));
        if (!made) return error(made.error().text);
        return made;
    }

    std::string_view whole_;
    std::string_view rest_;
};

}  // namespace

Result<NodePtr> parse(std::string_view source) {
    if (source.size() > kMostBytes) return fail("an expression of more than 8 KB");
    return Parser(source).condition_of_all();
}

}  // namespace ipref::resolver::view
