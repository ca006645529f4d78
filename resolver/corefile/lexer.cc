// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/lexer.h"

#include <optional>

namespace ipref::resolver {

namespace {

/// Bytes of the blank at the front of `text`, 0 if there is none: ASCII blanks, and the Unicode
/// ones that text copied from web pages brings along. Line ends count.
size_t blank_size(std::string_view text) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return 1;
    if (text.starts_with("\u0085") || text.starts_with("\u00a0")) return 2;
    for (const std::string_view blank :
         {"\u1680", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"}) {
        if (text.starts_with(blank)) return 3;
    }
    const bool wide = text.size() >= 3 && text.starts_with("\xe2\x80");
    if (wide && static_cast<unsigned char>(text[2]) <= 0x8a) return 3;  // U+2000 to U+200A
    return 0;
}

class Lexer {
  public:
    Lexer(std::string_view text, std::shared_ptr<const std::string> file,
          std::vector<std::string>& warnings)
        : text_(text), file_(std::move(file)), warnings_(warnings) {
        if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
    }

    Result<std::vector<Token>> all() {
        std::vector<Token> tokens;
        while (skip_blanks()) {
            const auto token = text_[at_] == '"' ? quoted() : Result<Token>(plain());
            if (!token) return tl::unexpected(token.error());
            tokens.push_back(*token);
        }
        return tokens;
    }

  private:
    Token token_here() const {
        const auto column = static_cast<uint32_t>(at_ - line_start_ + 1);
        return {.text = {}, .at = {file_, line_, column}, .last_line = line_};
    }

    void take(size_t count) {
        if (text_[at_] == '\n') {
            line_++;
            line_start_ = at_ + 1;
        }
        at_ += count;
    }

    /// Blanks and comments that begin behind a blank; false at the end of the text.
    bool skip_blanks() {
        while (at_ < text_.size()) {
            if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (const size_t size = blank_size(text_.substr(at_)); size > 0) {
                take(size);
            } else {
                return true;
            }
        }
        return false;
    }

    /// A '#' inside a word hides the rest of the word, no more: so does the deployed server.
    Token plain() {
        Token token = token_here();
        bool hidden = false;
        while (at_ < text_.size() && blank_size(text_.substr(at_)) == 0) {
            if (text_[at_] == '#' && !hidden) {
                hidden = true;
                warnings_.push_back(fmt::format(
                    "{} - '#' inside a word begins a comment that ends at the next blank: only "
                    "'{}' is left of it; put the word in quotes, or a blank before the '#'",
                    token.at.str(), token.text));
            }
            if (!hidden) token.text += text_[at_];
            at_++;
        }
        return token;
    }

    Result<Token> quoted() {
        Token token = token_here();
        token.quoted = true;
        at_++;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_.substr(at_).starts_with("\\\"")) {
                at_++;
            } else if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
                token.text += text_[at_];  // so that the second of two backslashes escapes nothing
                at_++;
            }
            if (text_[at_] != '\r') token.text += text_[at_];
            take(1);
        }
        if (at_ == text_.size()) {
            return fail("{} - Syntax error: the quote that opens here is never closed",
                        token.at.str());
        }
        at_++;
        token.last_line = line_;
        return token;
    }

    std::string_view text_;
    std::shared_ptr<const std::string> file_;
    std::vector<std::string>& warnings_;
    size_t at_ = 0;
    size_t line_start_ = 0;
    uint32_t line_ = 1;
};

}  // namespace

Result<std::vector<Token>> lex(std::string_view text, std::shared_ptr<const std::string> file,
                               std::vector<std::string>& warnings) {
    return Lexer(text, std::move(file), warnings).all();
}

}  // namespace ipref::resolver
