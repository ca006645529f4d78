// SPDX-License-Identifier: GPL-2.0-or-later
// Writes JSON (RFC 8259): one value, built from front to back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ipref::run {

/// A string with its quotes. Bytes that are not printable ASCII become \u00XX, one each: the result
/// is valid whatever the text is.
std::string quoted_json(std::string_view text);

/// Keeps the commas; that what is opened is closed, and members stand in objects, is the caller's
/// affair.
class Json {
  public:
    /// A member of an object: to be followed by a value.
    Json& key(std::string_view name);
    Json& open(char bracket);   ///< '{' or '['
    Json& close(char bracket);  ///< '}' or ']'
    Json& value(std::string_view text);
    Json& value(const std::string& text) { return value(std::string_view(text)); }
    Json& value(const char* text) { return value(std::string_view(text)); }
    Json& value(bool truth);
    Json& value(uint64_t number);
    Json& value(uint32_t number) { return value(uint64_t{number}); }
    Json& null();
    template <typename Value>
    Json& member(std::string_view name, const Value& what) {
        return key(name).value(what);
    }

    const std::string& str() const { return out_; }
    /// What there is so far, which the caller writes out; goes on after it.
    std::string take();

  private:
    Json& put(std::string_view text);

    std::string out_;
    bool comma_ = false;  ///< a value stands before
};

}  // namespace ipref::run
