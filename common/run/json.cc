// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/json.h"

#include <fmt/format.h>

#include <utility>

namespace ipref::run {

std::string quoted_json(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    return out + '"';
}

Json& Json::put(std::string_view text) {
    if (comma_) out_ += ',';
    out_ += text;
    comma_ = true;
    return *this;
}

Json& Json::key(std::string_view name) {
    put(quoted_json(name));
    out_ += ':';
    comma_ = false;
    return *this;
}

Json& Json::open(char bracket) {
    put({&bracket, 1});
    comma_ = false;
    return *this;
}

Json& Json::close(char bracket) {
    comma_ = false;
    return put({&bracket, 1});
}

Json& Json::value(std::string_view text) {
    return put(quoted_json(text));
}

Json& Json::value(bool truth) {
    return put(truth ? "true" : "false");
}

Json& Json::value(uint64_t number) {
    return put(fmt::format_int(number).str());
}

Json& Json::null() {
    return put("null");
}

std::string Json::take() {
    return std::exchange(out_, {});
}

}  // namespace ipref::run
