// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/tsig/key_file.h"

#include <algorithm>
#include <optional>

#include "common/dns/tsig.h"

namespace ipref::resolver {

namespace {

class Words {
  public:
    explicit Words(std::string_view text) : text_(text) {}

    /// The next word, quoted or not, or one of { } ;. Nothing at the end of the text.
    std::optional<std::string> next() {
        skip_space();
        if (text_.empty()) return std::nullopt;
        constexpr std::string_view kMarks = "{};";
        if (kMarks.find(text_.front()) != std::string_view::npos) return take(1);
        if (text_.front() == '"') {
            text_.remove_prefix(1);
            auto word = take(std::min(text_.find('"'), text_.size()));
            if (!text_.empty()) text_.remove_prefix(1);
            return word;
        }
        return take(std::min(text_.find_first_of(" \t\r\n{};\""), text_.size()));
    }
    size_t line() const { return line_; }

    template <typename... Args>
    tl::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) const {
        return fail("line {}: {}", line_, fmt::format(format, std::forward<Args>(args)...));
    }

  private:
    std::string take(size_t size) {
        std::string out(text_.substr(0, size));
        line_ += static_cast<size_t>(std::count(out.begin(), out.end(), '\n'));
        text_.remove_prefix(size);
        return out;
    }
    void skip_space() {
        while (!text_.empty()) {
            const size_t space = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
            take(space);
            if (text_.starts_with("#") || text_.starts_with("//")) {
                take(std::min(text_.find('\n'), text_.size()));
            } else if (text_.starts_with("/*")) {
                const auto end = text_.find("*/", 2);
                take(end == std::string_view::npos ? text_.size() : end + 2);
            } else {
                return;
            }
        }
    }

    std::string_view text_;
    size_t line_ = 1;
};

Result<void> expect(Words& words, std::string_view what) {
    const auto word = words.next();
    if (word == what) return {};
    return words.error("'{}' instead of '{}'", word.value_or("the end of the file"), what);
}

/// The block behind the key's name.
Result<dns::TsigKey> read_key(Words& words, const std::string& name) {
    dns::TsigKey key;
    if (auto open = expect(words, "{"); !open) return tl::unexpected(open.error());
    while (true) {
        const auto word = words.next();
        if (!word) return words.error("the end of the file inside key \"{}\"", name);
        if (*word == "}") break;
        const auto value = words.next();
        if (*word == "secret") {
            auto bytes = dns::parse_tsig_secret(value.value_or(""));
            if (!bytes) return words.error("key \"{}\": {}", name, bytes.error().text);
            key.secret = std::move(*bytes);
        } else if (*word == "algorithm") {
            const auto text = dns::Name::parse(value.value_or(""));
            const auto algorithm = text ? dns::tsig_algorithm(*text) : std::nullopt;
            if (!algorithm) {
                return words.error(
                    "key \"{}\": algorithm '{}' is not known; there are hmac-sha1 "
                    "and hmac-sha224 to hmac-sha512",
                    name, value.value_or(""));
            }
            key.algorithm = *algorithm;
        } else {
            return words.error("'{}' in key \"{}\"; there are algorithm and secret", *word, name);
        }
        if (auto end = expect(words, ";"); !end) return tl::unexpected(end.error());
    }
    if (key.secret.empty()) return words.error("key \"{}\" has no secret", name);
    if (auto end = expect(words, ";"); !end) return tl::unexpected(end.error());
    return key;
}

}  // namespace

Result<std::vector<dns::TsigKey>> parse_key_file(std::string_view text) {
    std::vector<dns::TsigKey> out;
    Words words(text);
    while (const auto word = words.next()) {
        if (*word != "key") return words.error("'{}' instead of 'key'", *word);
        const auto text_of_name = words.next().value_or("");
        const auto name = dns::Name::parse(text_of_name);
        if (!name) return words.error("key name \"{}\": {}", text_of_name, name.error().text);
        auto key = read_key(words, text_of_name);
        if (!key) return tl::unexpected(key.error());
        key->name = *name;
        out.push_back(std::move(*key));
    }
    return out;
}

}  // namespace ipref::resolver
