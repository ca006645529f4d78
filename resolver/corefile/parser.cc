// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/parser.h"

#include <algorithm>
#include <map>

#include "resolver/corefile/lexer.h"

namespace ipref::resolver {

namespace {

constexpr size_t kMaxDepth = 100;
constexpr size_t kMaxImports = 10'000;
constexpr size_t kMaxText = 16U << 20;
constexpr size_t kMaxTokens = 2'000'000;

using Tokens = std::shared_ptr<const std::vector<Token>>;

/// The words in order, those of imports in place of the import.
class Stream {
  public:
    void push(Tokens tokens, uint32_t expansion) {
        frames_.push_back({std::move(tokens), 0, expansion});
    }
    size_t depth() const { return frames_.size(); }

    /// Looks at the next token without taking it; null at the end.
    const Token* peek() {
        while (!frames_.empty() && frames_.back().at == frames_.back().tokens->size()) {
            frames_.pop_back();
        }
        if (frames_.empty()) return nullptr;
        const auto& frame = frames_.back();
        peeked_ = (*frame.tokens)[frame.at];
        peeked_.expansion = frame.expansion;
        return &peeked_;
    }
    /// Takes the token that peek() showed.
    const Token& take() {
        frames_.back().at++;
        last_ = peeked_;
        started_ = true;
        return last_;
    }
    const Token& last() const { return last_; }
    /// Whether the next token begins a line.
    bool at_line_start() { return peek() == nullptr || !started_ || ends_line(last_, peeked_); }

  private:
    struct Frame {
        Tokens tokens;
        size_t at;
        uint32_t expansion;
    };
    std::vector<Frame> frames_;
    Token peeked_;
    Token last_;
    bool started_ = false;
};

std::string directory_of(const std::string& file) {
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

class Parser {
  public:
    Parser(const CorefileSources& sources, const DirectiveCheck& check)
        : sources_(sources), check_(check) {}

    Result<Corefile> parse(std::string_view text, const std::string& name) {
        if (auto pushed = push_text(text, name); !pushed) return tl::unexpected(pushed.error());
        while (stream_.peek() != nullptr) {
            if (auto block = server_block(); !block) return tl::unexpected(block.error());
        }
        return std::move(out_);
    }

  private:
    Result<void> push_text(std::string_view text, const std::string& name) {
        if (out_.text.size() + text.size() > kMaxText) {
            return fail("{}: the Corefile and its imports are larger than {} MiB", name,
                        kMaxText >> 20);
        }
        out_.text.append(text).push_back('\0');
        auto tokens = lex(text, std::make_shared<const std::string>(name), out_.warnings);
        if (!tokens) return tl::unexpected(tokens.error());
        push(std::make_shared<const std::vector<Token>>(std::move(*tokens)));
        return {};
    }
    void push(Tokens tokens) { stream_.push(std::move(tokens), ++expansions_); }

    std::string substituted(const std::string& text) const {
        return substitute_variables(text, sources_);
    }
    tl::unexpected<Error> unclosed(const Token& brace) const {
        return fail("{}: the file ends, and the brace of {} is still open",
                    syntax_error(stream_.last(), "}").value().text, brace.at.str());
    }
    tl::unexpected<Error> eof() const { return parse_error(stream_.last().at, "Unexpected EOF"); }

    /// The next token starts a line and is `import`: expands it in place.
    Result<void> import() {
        const Token at = stream_.take();
        if (stream_.at_line_start() || stream_.peek()->is('{')) {
            return parse_error(at.at,
                               "Wrong argument count or unexpected line ending after 'import'");
        }
        const Token argument = stream_.take();
        const auto pattern = substituted(argument.text);
        if (pattern.empty()) {
            return parse_error(argument.at, "Import requires a non-empty filepath");
        }
        if (!stream_.at_line_start()) {
            return parse_error(stream_.peek()->at,
                               "Import takes only one argument (glob pattern or file)");
        }
        if (stream_.depth() >= kMaxDepth || ++imports_ > kMaxImports) {
            return parse_error(argument.at,
                               fmt::format("'{}' is imported too often: imports may be nested {} "
                                           "deep, and there may be {} of them; does a file import "
                                           "itself?",
                                           pattern, kMaxDepth, kMaxImports));
        }
        if (const auto found = snippets_.find(pattern); found != snippets_.end()) {
            tokens_ += found->second->size();
            if (tokens_ > kMaxTokens) {
                return parse_error(argument.at, "imports expand to too much text");
            }
            push(found->second);
            return {};
        }
        return import_files(argument, pattern);
    }

    Result<void> import_files(const Token& argument, const std::string& pattern) {
        const bool absolute = pattern.starts_with('/');
        const auto path = absolute ? pattern : directory_of(*argument.at.file) + pattern;
        const auto count = [&](char c) { return std::count(pattern.begin(), pattern.end(), c); };
        if (count('*') > 1 || count('?') > 1 || (count('[') > 0 && count(']') > 0)) {
            return parse_error(
                argument.at,
                fmt::format("Glob pattern may only contain one wildcard (*), but has others: {}",
                            pattern));
        }
        std::vector<std::string> files = {path};
        const bool is_pattern = count('*') + count('?') > 0;
        if (is_pattern) files = sources_.glob(path);
        if (is_pattern && files.empty()) {
            out_.warnings.push_back(
                fmt::format("No files matching import glob pattern: {}", pattern));
        }
        std::reverse(files.begin(), files.end());  // the last one pushed is read first
        for (const auto& file : files) {
            const auto text = sources_.read(file);
            if (!text && !is_pattern) {
                return parse_error(argument.at,
                                   fmt::format("File to import not found: {}", pattern));
            }
            if (!text) return parse_error(argument.at, text.error().text);
            if (auto pushed = push_text(*text, file); !pushed) return pushed;
        }
        return {};
    }

    bool next_is_import() {
        return stream_.peek() != nullptr && stream_.at_line_start() && !stream_.peek()->quoted &&
               stream_.peek()->text == "import";
    }

    Result<void> server_block() {
        ServerBlock block;
        if (auto keys = read_keys(block); !keys) return keys;
        if (block.keys.empty() && stream_.peek() != nullptr) {
            return syntax_error(*stream_.peek(), "a zone");
        }
        if (block.keys.empty()) return {};
        const auto& first = block.keys.front().text;
        if (block.keys.size() == 1 && first.size() > 2 && first.starts_with('(') &&
            first.ends_with(')')) {
            return snippet(block.keys.front(), first.substr(1, first.size() - 2));
        }
        for (const auto& key : block.keys) {
            if (auto checked = check_key(key); !checked) return checked;
        }
        if (auto body = read_body(block); !body) return body;
        block.end = stream_.last().at;
        out_.blocks.push_back(std::move(block));
        return {};
    }

    Result<void> read_keys(ServerBlock& block) {
        bool another = false;
        while (true) {
            if (next_is_import() && !another) {
                if (!block.keys.empty()) return {};
                if (auto done = import(); !done) return done;
                if (stream_.peek() == nullptr) return {};
                continue;
            }
            if (stream_.peek()->is('{')) {
                if (!another) return {};
                return parse_error(stream_.peek()->at,
                                   "Expected another address but had '{' - check for extra comma");
            }
            if (auto added = add_key(block, another); !added) return added;
            if (stream_.peek() == nullptr) return another ? eof() : Result<void>();
            if (!another && stream_.at_line_start()) return {};
        }
    }

    Result<void> add_key(ServerBlock& block, bool& another) {
        Token key = stream_.take();
        key.text = substituted(key.text);
        another = key.text.ends_with(',');
        if (another) key.text.pop_back();
        for (size_t start = 0; start <= key.text.size();) {
            const size_t comma = std::min(key.text.find(',', start), key.text.size());
            Token part = key;
            part.text = key.text.substr(start, comma - start);
            start = comma + 1;
            if (part.text.empty() && (another || comma < key.text.size())) continue;
            block.keys.push_back(std::move(part));
        }
        return {};
    }

    /// Slips that the deployed server takes for names of zones.
    static Result<void> check_key(const Token& key) {
        const auto& text = key.text;
        if (text == "}") {
            return fail("{} - Syntax error: Unexpected token '}}': no block is open here",
                        key.at.str());
        }
        if (text.find_first_of("{}") != std::string::npos) {
            return parse_error(key.at,
                               fmt::format("'{}' is no zone: put a blank before the brace", text));
        }
        if (text.find_first_of(" \t\n") != std::string::npos) {
            return parse_error(
                key.at, fmt::format("'{}' is no zone: a variable's value is one zone, with blanks "
                                    "in it; use one variable for each",
                                    text));
        }
        return {};
    }

    Result<void> snippet(const Token& key, const std::string& name) {
        if (snippets_.contains(name)) {
            return parse_error(
                key.at, fmt::format("redeclaration of previously declared snippet {}", name));
        }
        if (stream_.peek() == nullptr || !stream_.peek()->is('{')) {
            return stream_.peek() == nullptr ? syntax_error(stream_.last(), "{")
                                             : syntax_error(*stream_.peek(), "{");
        }
        const Token brace = stream_.take();
        auto tokens = std::make_shared<std::vector<Token>>();
        for (size_t open = 1;;) {
            if (stream_.peek() == nullptr) return unclosed(brace);
            const Token& token = stream_.take();
            if (token.is('{')) open++;
            if (token.is('}') && --open == 0) break;
            tokens->push_back(token);
        }
        snippets_[name] = std::move(tokens);
        return {};
    }

    Result<void> read_body(ServerBlock& block) {
        const bool braces = stream_.peek() != nullptr && stream_.peek()->is('{');
        const Token brace = braces ? stream_.take() : Token();
        if (!braces && !out_.blocks.empty() && stream_.peek() != nullptr) {
            return syntax_error(*stream_.peek(), "{");
        }
        while (true) {
            if (stream_.peek() == nullptr) {
                return braces ? unclosed(brace) : Result<void>();
            }
            if (stream_.peek()->is('}')) {
                if (!braces) return syntax_error(*stream_.peek(), "directive");
                stream_.take();
                return {};
            }
            if (auto one = next_is_import() ? import() : directive(block); !one) return one;
        }
    }

    Result<void> directive(ServerBlock& block) {
        Token name = stream_.take();
        name.text = substituted(name.text);
        if (const auto hint = check_(name.text)) {
            return parse_error(name.at, fmt::format("Unknown directive '{}'{}", name.text, *hint));
        }
        auto& to = entry(block, name.text);
        to.uses++;
        to.tokens.push_back(name);
        return arguments(to, name);
    }

    static Directive& entry(ServerBlock& block, const std::string& name) {
        for (auto& directive : block.directives) {
            if (directive.name == name) return directive;
        }
        return block.directives.emplace_back(Directive{name, {}, 0});
    }

    Result<void> arguments(Directive& to, const Token& name) {
        size_t open = 0;
        Position opened;
        while (stream_.peek() != nullptr) {
            const Token& next = *stream_.peek();
            if (open == 0 && stream_.at_line_start()) {
                if (!next.is('{')) return {};
                return parse_error(next.at,
                                   fmt::format("'{{' must stand on the line of '{}'", name.text));
            }
            if (open > 0 && next_is_import()) {
                if (auto done = import(); !done) return done;
                continue;
            }
            if (next.is('{') && open++ == 0) opened = next.at;
            if (next.is('}') && open-- == 0) {
                return parse_error(next.at,
                                   "Unexpected '}' because no matching opening brace: a block's "
                                   "closing brace stands on a line of its own");
            }
            Token token = stream_.take();
            if (++tokens_ > kMaxTokens) {
                return parse_error(token.at, "imports expand to too much text");
            }
            token.text = substituted(token.text);
            to.tokens.push_back(std::move(token));
        }
        if (open == 0) return {};
        return parse_error(
            stream_.last().at,
            fmt::format("Unexpected EOF: the '{{' at {} is never closed", opened.str()));
    }

    const CorefileSources& sources_;
    const DirectiveCheck& check_;
    Corefile out_;
    Stream stream_;
    std::map<std::string, Tokens> snippets_;
    uint32_t expansions_ = 0;
    size_t imports_ = 0;
    size_t tokens_ = 0;
};

}  // namespace

const Directive* ServerBlock::find(std::string_view name) const {
    for (const auto& directive : directives) {
        if (directive.name == name) return &directive;
    }
    return nullptr;
}

Result<Corefile> parse_corefile(std::string_view text, const std::string& name,
                                const CorefileSources& sources, const DirectiveCheck& check) {
    return Parser(sources, check).parse(text, name);
}

}  // namespace ipref::resolver
