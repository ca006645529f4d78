// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/template/text_template.h"

#include <algorithm>

#include "resolver/plugins/template/expression.h"

namespace ipref::resolver {

using text_template::evaluate;
using text_template::Expression;
using text_template::is_true;
using text_template::parse_expression;
using text_template::text_of;

/// Text, a value, or a choice.
struct TextTemplate::Node {
    enum class Kind : uint8_t { text, value, choice };
    Kind kind = Kind::text;
    std::string text = {};
    Expression expression = {};
    std::vector<Node> then = {}, otherwise = {};
};

namespace {

using Node = TextTemplate::Node;
constexpr size_t kMostBytes = 64 * 1024;
constexpr size_t kDeepest = 32;
constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) {
    return kBlanks.find(c) != std::string_view::npos;
}

std::string_view trimmed_left(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text;
}

std::string_view trimmed_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view trimmed(std::string_view text) {
    return trimmed_right(trimmed_left(text));
}

/// Takes the word off the front of an action; false if it does not begin with it.
bool take_word(std::string_view& action, std::string_view word) {
    if (!action.starts_with(word)) return false;
    const auto rest = action.substr(word.size());
    if (!rest.empty() && !is_blank(rest[0]) && rest[0] != '(') return false;
    action = trimmed(rest);
    return true;
}

class Builder {
  public:
    Builder(std::string_view source, std::string_view title)
        : whole_(source), rest_(source), title_(title) {}

    Result<std::vector<Node>> build() {
        auto nodes = list(0);
        if (nodes && ended_by_ != Word::none) return error("unexpected {{end}} or {{else}}");
        return nodes;
    }

  private:
    enum class Word : uint8_t { none, end, otherwise, otherwise_if };

    tl::unexpected<Error> error(std::string_view what) const {
        const auto done = whole_.substr(0, whole_.size() - rest_.size());
        const auto line = 1 + std::count(done.begin(), done.end(), '\n');
        return fail("template: {}:{}: {}", title_, line, what);
    }

    /// Up to {{end}}, {{else}} or the end of the source; ended_by_ says which, condition_ is what
    /// stands behind {{else if}}.
    Result<std::vector<Node>> list(size_t depth) {
        if (depth > kDeepest) return error("nested too deep");
        std::vector<Node> out;
        ended_by_ = Word::none;
        while (!rest_.empty()) {
            text(out);
            if (rest_.empty()) break;
            auto action = take_action();
            if (!action) return tl::unexpected(action.error());
            if (action->starts_with("/*")) continue;
            if (*action == "end" || take_word(*action, "else")) {
                const bool end = *action == "end";
                const bool condition = take_word(*action, "if");
                ended_by_ = end ? Word::end : condition ? Word::otherwise_if : Word::otherwise;
                condition_ = *action;
                return out;
            }
            auto node = take_word(*action, "if") ? choice(*action, depth) : value(*action);
            if (!node) return tl::unexpected(node.error());
            out.push_back(std::move(*node));
        }
        return out;
    }

    void text(std::vector<Node>& out) {
        auto piece = rest_.substr(0, rest_.find("{{"));
        rest_.remove_prefix(piece.size());
        if (std::exchange(trim_next_, false)) piece = trimmed_left(piece);
        if (rest_.size() > 3 && rest_[2] == '-' && is_blank(rest_[3])) piece = trimmed_right(piece);
        if (!piece.empty()) out.push_back({.text = std::string(piece)});
    }

    /// What stands between the braces that are next.
    Result<std::string_view> take_action() {
        const auto end = closing();
        if (end == std::string_view::npos) return error("unclosed action");
        auto action = rest_.substr(2, end - 2);
        if (action.size() > 1 && action[0] == '-' && is_blank(action[1])) action.remove_prefix(1);
        if (action.size() > 1 && action.back() == '-' && is_blank(action[action.size() - 2])) {
            action.remove_suffix(1);
            trim_next_ = true;
        }
        rest_.remove_prefix(end + 2);
        return trimmed(action);
    }

    /// Where the action's }} stands, which may hold others in quotes.
    size_t closing() const {
        char quote = 0;
        for (size_t i = 2; i + 1 < rest_.size(); i++) {
            const char c = rest_[i];
            if (quote == 0 && c == '}' && rest_[i + 1] == '}') return i;
            if (quote == '"' && c == '\\') {
                i++;
            } else if (quote == 0 && (c == '"' || c == '`')) {
                quote = c;
            } else if (c == quote) {
                quote = 0;
            }
        }
        return std::string_view::npos;
    }

    Result<Node> value(std::string_view action) {
        auto expression = parse_expression(action);
        if (!expression) return error(expression.error().text);
        return Node{.kind = Node::Kind::value, .expression = std::move(*expression)};
    }

    Result<Node> choice(std::string_view condition, size_t depth) {
        if (depth > kDeepest) return error("nested too deep");
        auto node = value(condition);
        if (!node) return node;
        node->kind = Node::Kind::choice;
        auto then = list(depth + 1);
        if (!then) return tl::unexpected(then.error());
        node->then = std::move(*then);
        if (ended_by_ == Word::otherwise_if) {
            auto nested = choice(condition_, depth + 1);  // takes the {{end}}, too
            if (!nested) return nested;
            node->otherwise.push_back(std::move(*nested));
            return node;
        }
        if (ended_by_ == Word::otherwise) {
            auto otherwise = list(depth + 1);
            if (!otherwise) return tl::unexpected(otherwise.error());
            node->otherwise = std::move(*otherwise);
        }
        if (ended_by_ != Word::end) return error("{{if}} without {{end}}");
        ended_by_ = Word::none;
        return node;
    }

    std::string_view whole_;
    std::string_view rest_;
    std::string_view title_;
    std::string_view condition_;
    Word ended_by_ = Word::none;
    bool trim_next_ = false;
};

Result<void> run_nodes(const std::vector<Node>& nodes, const TemplateData& data, std::string& out) {
    for (const auto& node : nodes) {
        if (node.kind == Node::Kind::text) {
            out += node.text;
            continue;
        }
        const auto value = evaluate(node.expression, data);
        if (!value) return tl::unexpected(value.error());
        if (node.kind == Node::Kind::value) {
            out += text_of(*value);
        } else {
            const auto& chosen = is_true(*value) ? node.then : node.otherwise;
            if (auto done = run_nodes(chosen, data, out); !done) return done;
        }
        if (out.size() > kMostBytes) return fail("more than {} bytes", kMostBytes);
    }
    return {};
}

}  // namespace

TextTemplate::TextTemplate() = default;
TextTemplate::TextTemplate(TextTemplate&&) noexcept = default;
TextTemplate& TextTemplate::operator=(TextTemplate&&) noexcept = default;
TextTemplate::~TextTemplate() = default;

Result<TextTemplate> TextTemplate::parse(std::string_view source, std::string_view title) {
    if (source.size() > kMostBytes) return fail("template: {}: more than 64 KB", title);
    TextTemplate out;
    out.source_ = source;
    auto nodes = Builder(out.source_, title).build();
    if (!nodes) return tl::unexpected(nodes.error());
    out.nodes_ = std::move(*nodes);
    return out;
}

Result<std::string> TextTemplate::run(const TemplateData& data) const {
    std::string out;
    if (auto done = run_nodes(nodes_, data, out); !done) return tl::unexpected(done.error());
    return out;
}

}  // namespace ipref::resolver
