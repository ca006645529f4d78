// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/run/nearest_word.h"

namespace ipref::resolver {

namespace {

struct Unit {
    std::string_view name;
    int64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"ns", 1},         {"us", 1000},         {"\u00b5s", 1000},     {"\u03bcs", 1000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
constexpr double kMostNanoseconds = 9.2e18;

std::string_view leading(std::string_view text, std::string_view of, bool in) {
    const auto end = in ? text.find_first_not_of(of) : text.find_first_of(of);
    return text.substr(0, end);
}

std::string trimmed_number(double value) {
    auto text = fmt::format("{:.9f}", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
    const auto bad = [&] { return fail("\"{}\" is not a duration, as 30s or 1m30s are", text); };
    if (text == "0") return Nanoseconds(0);
    auto rest = text;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest.empty()) return bad();
    double total = 0;
    while (!rest.empty()) {
        const auto digits = leading(rest, "0123456789.", true);
        rest.remove_prefix(digits.size());
        double number = 0;
        const auto end = digits.data() + digits.size();
        const auto [at, error] = std::from_chars(digits.data(), end, number);
        if (digits.empty() || error != std::errc() || at != end) return bad();
        const auto name = leading(rest, "0123456789.", false);
        if (name.empty()) return fail("missing unit in duration \"{}\", as in {}s", text, text);
        const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                        [&](const Unit& u) { return u.name == name; });
        if (unit == std::end(kUnits)) {
            return fail("unknown unit \"{}\" in duration \"{}\"; there are h, m, s, ms, us, ns",
                        name, text);
        }
        rest.remove_prefix(name.size());
        total += number * static_cast<double>(unit->nanoseconds);
        if (total > kMostNanoseconds) return bad();
    }
    const auto value = static_cast<int64_t>(std::llround(total));
    return Nanoseconds(negative ? -value : value);
}

std::string duration_text(Nanoseconds value) {
    const int64_t count = value.count();
    if (count < 0) return "-" + duration_text(-value);
    if (count == 0) return "0s";
    if (count < 1000) return fmt::format("{}ns", count);
    const auto number = static_cast<double>(count);
    if (count < 1'000'000) return trimmed_number(number / 1e3) + "\u00b5s";
    if (count < 1'000'000'000) return trimmed_number(number / 1e6) + "ms";
    std::string out;
    const int64_t hours = count / kUnits[7].nanoseconds;
    const int64_t minutes = count / kUnits[6].nanoseconds % 60;
    if (hours > 0) out += fmt::format("{}h", hours);
    if (hours > 0 || minutes > 0) out += fmt::format("{}m", minutes);
    const auto seconds = static_cast<double>(count % kUnits[6].nanoseconds) / 1e9;
    return out + trimmed_number(seconds) + "s";
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
    return run::nearest_word(word, known);
}

void OptionTable::flag(std::string name, bool& to, std::string help) {
    rows_.push_back({std::move(name), "", "", std::move(help), [&to](Dispenser&) -> Result<void> {
                         to = true;
                         return {};
                     }});
}

void OptionTable::number(std::string name, uint32_t& to, uint32_t least, uint32_t most,
                         std::string help) {
    rows_.push_back({std::move(name), "N", std::to_string(to), std::move(help),
                     [&to, least, most](Dispenser& d) -> Result<void> {
                         if (!d.next_arg()) return d.arg_err();
                         const auto& text = d.val();
                         const auto end = text.data() + text.size();
                         uint32_t value = 0;
                         const auto [at, error] = std::from_chars(text.data(), end, value);
                         if (error != std::errc() || at != end || value < least || value > most) {
                             return d.err(fmt::format("\"{}\" is not a number from {} to {}", text,
                                                      least, most));
                         }
                         to = value;
                         return {};
                     }});
}

void OptionTable::duration(std::string name, Nanoseconds& to, Nanoseconds least, Nanoseconds most,
                           std::string help) {
    rows_.push_back({std::move(name), "DURATION", duration_text(to), std::move(help),
                     [&to, least, most](Dispenser& d) -> Result<void> {
                         if (!d.next_arg()) return d.arg_err();
                         const auto value = parse_duration(d.val());
                         if (!value) return d.err(value.error().text);
                         if (*value < least || *value > most) {
                             return d.err(fmt::format("\"{}\" is not between {} and {}", d.val(),
                                                      duration_text(least), duration_text(most)));
                         }
                         to = *value;
                         return {};
                     }});
}

void OptionTable::text(std::string name, std::string values, std::string& to, std::string help) {
    rows_.push_back({std::move(name), std::move(values), to, std::move(help),
                     [&to](Dispenser& d) -> Result<void> {
                         if (!d.next_arg()) return d.arg_err();
                         to = d.val();
                         return {};
                     }});
}

void OptionTable::choice(std::string name, std::vector<std::string> words, size_t& to,
                         std::string help) {
    auto values = fmt::format("{}", fmt::join(words, "|"));
    auto fallback = words.at(to);
    rows_.push_back({std::move(name), values, std::move(fallback), std::move(help),
                     [&to, words, values](Dispenser& d) -> Result<void> {
                         if (!d.next_arg()) return d.arg_err();
                         const auto found = std::find(words.begin(), words.end(), d.val());
                         if (found == words.end()) {
                             return d.err(fmt::format("\"{}\" is not one of {}", d.val(), values));
                         }
                         to = static_cast<size_t>(found - words.begin());
                         return {};
                     }});
}

void OptionTable::words(std::string name, std::string values, std::vector<std::string>& to,
                        std::string help) {
    rows_.push_back({std::move(name), std::move(values), "", std::move(help),
                     [&to](Dispenser& d) -> Result<void> {
                         if (!d.next_arg()) return d.arg_err();
                         do {
                             to.push_back(d.val());
                         } while (d.next_arg());
                         return {};
                     }});
}

void OptionTable::ignored(std::string name, std::string help) {
    rows_.push_back({std::move(name), "...", "", std::move(help), [](Dispenser& d) -> Result<void> {
                         d.remaining_args();
                         return {};
                     }});
}

std::vector<std::string> OptionTable::names() const {
    std::vector<std::string> out;
    for (const auto& row : rows_) out.push_back(row.name);
    return out;
}

tl::unexpected<Error> OptionTable::unknown(const Dispenser& d, std::string_view word) const {
    const auto hint = nearest_word(word, names());
    return d.err(fmt::format("unknown property '{}'{}", word,
                             hint.empty() ? "" : fmt::format(", is it '{}'?", hint)));
}

Result<void> OptionTable::read_block(Dispenser& d) const {
    while (d.next_block()) {
        const auto row = std::find_if(rows_.begin(), rows_.end(),
                                      [&](const OptionRow& r) { return r.name == d.val(); });
        if (row == rows_.end() && !otherwise_) return unknown(d, d.val());
        const auto& take = row == rows_.end() ? otherwise_ : row->take;
        if (auto taken = take(d); !taken) return taken;
        if (d.next_on_line()) return d.arg_err();
    }
    if (!d.ok()) return d.eof_err();
    return {};
}

}  // namespace ipref::resolver
