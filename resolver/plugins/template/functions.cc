// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/template/functions.h"

#include <algorithm>
#include <charconv>

namespace ipref::resolver::text_template {

namespace {

constexpr Field kFields[] = {
    {"Name", [](const TemplateData& d) { return Value(d.name); }},
    {"Zone", [](const TemplateData& d) { return Value(d.zone); }},
    {"Class", [](const TemplateData& d) { return Value(d.klass); }},
    {"Type", [](const TemplateData& d) { return Value(d.type); }},
    {"Remote", [](const TemplateData& d) { return Value(d.remote); }},
    {"Match", [](const TemplateData& d) { return Value(&d.match); }},
    {"Group", [](const TemplateData& d) { return Value(&d.group); }},
};

using Arguments = std::vector<Value>;

Result<Value> index(const Arguments& a, const TemplateData&) {
    if (const auto* list = std::get_if<const List*>(&a[0])) {
        const auto* at = std::get_if<int64_t>(&a[1]);
        if (at == nullptr) return fail("index of a list with \"{}\"", text_of(a[1]));
        if (*at < 0 || static_cast<size_t>(*at) >= (*list)->size()) {
            return fail("index out of range: {}", *at);
        }
        return Value((**list)[static_cast<size_t>(*at)]);
    }
    if (const auto* map = std::get_if<const Map*>(&a[0])) {
        const auto found = (*map)->find(text_of(a[1]));
        return found == (*map)->end() ? Value(std::string()) : Value(found->second);
    }
    return fail("index of \"{}\", which is no list", text_of(a[0]));
}

Result<Value> parse_int(const Arguments& a, const TemplateData&) {
    const auto text = text_of(a[0]);
    const auto* base = std::get_if<int64_t>(&a[1]);
    const auto* bits = std::get_if<int64_t>(&a[2]);
    if (base == nullptr || bits == nullptr || *base < 2 || *base > 36 || *bits < 1 || *bits > 63) {
        return fail("parseInt: base 2 to 36 and 1 to 63 bits are expected");
    }
    const auto end = text.data() + text.size();
    uint64_t value = 0;
    const auto [at, error] = std::from_chars(text.data(), end, value, static_cast<int>(*base));
    if (error != std::errc() || at != end || value >> *bits != 0) {
        return fail("parseInt: \"{}\" is no number of base {} in {} bits", text, *base, *bits);
    }
    return Value(static_cast<int64_t>(value));
}

Result<Value> length(const Arguments& a, const TemplateData&) {
    const auto number = [](size_t size) { return Value(static_cast<int64_t>(size)); };
    if (const auto* text = std::get_if<std::string>(&a[0])) return number(text->size());
    if (const auto* list = std::get_if<const List*>(&a[0])) return number((*list)->size());
    if (const auto* map = std::get_if<const Map*>(&a[0])) return number((*map)->size());
    return fail("len of \"{}\"", text_of(a[0]));
}

Result<Value> equal(const Arguments& a, const TemplateData&) {
    return Value(std::any_of(a.begin() + 1, a.end(), [&](const Value& v) { return v == a[0]; }));
}

Result<Value> different(const Arguments& a, const TemplateData&) {
    return Value(a[0] != a[1]);
}

/// The first that is empty, else the last.
Result<Value> all_of(const Arguments& a, const TemplateData&) {
    const auto found = std::find_if_not(a.begin(), a.end(), is_true);
    return found == a.end() ? a.back() : *found;
}

Result<Value> any_of(const Arguments& a, const TemplateData&) {
    const auto found = std::find_if(a.begin(), a.end(), is_true);
    return found == a.end() ? a.back() : *found;
}

Result<Value> negate(const Arguments& a, const TemplateData&) {
    return Value(!is_true(a[0]));
}

Result<Value> meta(const Arguments& a, const TemplateData& data) {
    return Value(data.meta ? data.meta(text_of(a[0])) : std::string());
}

constexpr Function kFunctions[] = {
    {"index", 2, 2, index}, {"parseInt", 3, 3, parse_int}, {"len", 1, 1, length},
    {"eq", 2, 8, equal},    {"ne", 2, 2, different},       {"and", 1, 8, all_of},
    {"or", 1, 8, any_of},   {"not", 1, 1, negate},         {".Meta", 1, 1, meta},
};

}  // namespace

std::span<const Field> fields() {
    return kFields;
}

std::span<const Function> functions() {
    return kFunctions;
}

}  // namespace ipref::resolver::text_template
