// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/zone_text.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/dns/ldns.h"
#include "common/dns/soa.h"
#include "resolver/plugins/file/zone_lines.h"

namespace ipref::resolver {

namespace {

constexpr unsigned kMostIncludes = 10;
constexpr uint64_t kMostGenerated = 65'536;
constexpr uint32_t kMostTtl = 0x7fffffff;

/// "3600", "1h30m", "2w".
std::optional<uint32_t> parse_ttl(std::string_view text) {
    uint64_t total = 0;
    while (!text.empty()) {
        uint64_t number = 0;
        const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || number > kMostTtl) return std::nullopt;
        text.remove_prefix(static_cast<size_t>(at - text.data()));
        uint64_t unit = 1;
        if (!text.empty()) {
            switch (text[0] | 0x20) {
                case 's':
                    break;
                case 'm':
                    unit = 60;
                    break;
                case 'h':
                    unit = 3600;
                    break;
                case 'd':
                    unit = 86400;
                    break;
                case 'w':
                    unit = 604800;
                    break;
                default:
                    return std::nullopt;
            }
            text.remove_prefix(1);
        }
        total += number * unit;
        if (total > kMostTtl) return std::nullopt;
    }
    return static_cast<uint32_t>(total);
}

bool starts_with_digit(std::string_view text) {
    return !text.empty() && text[0] >= '0' && text[0] <= '9';
}

/// Whether the name ends in a dot that is not escaped.
bool is_absolute(std::string_view text) {
    if (!text.ends_with('.')) return false;
    size_t slashes = 0;
    for (size_t i = text.size() - 1; i-- > 0 && text[i] == '\\';) slashes++;
    return slashes % 2 == 0;
}

std::string directory_of(const std::string& file) {
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

class Reader {
  public:
    Reader(const Name& origin, const ReadFile& read) : builder_(origin), read_(read) {}

    Result<ZoneText> finish(const std::string& file) {
        ZoneText out;
        auto zone = builder_.build();
        if (!zone) return fail("{}: {}", file, zone.error().text);
        out.zone = std::move(*zone);
        const auto foreign = out.zone->foreign();
        if (!foreign.empty()) {
            out.warnings.push_back(fmt::format(
                "{}: {} records are outside of zone {} and never answered, the first is {}", file,
                foreign.size(), out.zone->origin().str(),
                Name::from_wire(foreign[0].name())->str()));
        }
        return out;
    }

    Result<void> file(std::string_view text, const std::string& file, const Name& origin,
                      unsigned depth) {
        Place place{.file = file, .origin = origin, .depth = depth};
        ZoneLines lines(text, file);
        ZoneLine line;
        while (true) {
            const auto more = lines.next(line);
            if (!more) return tl::unexpected(more.error());
            if (!*more) return {};
            auto done = line.words[0].text[0] == '$' ? directive(place, line) : record(place, line);
            if (!done) return done;
        }
    }

  private:
    /// What a file has said so far.
    struct Place {
        const std::string& file;
        Name origin;
        unsigned depth = 0;
        std::optional<Name> owner = {};
    };

    static tl::unexpected<Error> at(const Place& place, const ZoneWord& word,
                                    std::string_view what) {
        return fail("{}: {} at line: {}:{}", place.file, what, word.line, word.column);
    }

    static Result<Name> name(const Place& place, const ZoneWord& word) {
        if (word.text == "@") return place.origin;
        const bool whole = is_absolute(word.text);
        const auto origin = place.origin.is_root() ? "." : "." + place.origin.str();
        const auto parsed = Name::parse(whole ? word.text : word.text + origin);
        if (!parsed) {
            return at(place, word,
                      fmt::format("bad name \"{}\": {}", word.text, parsed.error().text));
        }
        return *parsed;
    }

    Result<void> directive(Place& place, const ZoneLine& line) {
        const auto& word = line.words[0];
        const auto need = [&](size_t count) { return line.words.size() >= count + 1; };
        if (word.text == "$ORIGIN" && need(1)) {
            auto origin = name(place, line.words[1]);
            if (!origin) return tl::unexpected(origin.error());
            place.origin = *origin;
            return {};
        }
        if (word.text == "$TTL" && need(1)) {
            default_ttl_ = parse_ttl(line.words[1].text);
            if (default_ttl_) return {};
            return at(place, line.words[1], fmt::format("bad TTL \"{}\"", line.words[1].text));
        }
        if (word.text == "$INCLUDE" && need(1)) return include(place, line);
        if (word.text == "$GENERATE" && need(4)) return generate(place, line);
        return at(place, word,
                  fmt::format("unknown directive or missing argument: \"{}\"", word.text));
    }

    Result<void> include(Place& place, const ZoneLine& line) {
        if (place.depth >= kMostIncludes) {
            return at(place, line.words[0], "$INCLUDE is nested too deep");
        }
        auto path = line.words[1].text;
        if (path.size() > 1 && path.front() == '"') path = path.substr(1, path.size() - 2);
        if (!path.starts_with('/')) path = directory_of(place.file) + path;
        Name origin = place.origin;
        if (line.words.size() > 2) {
            auto given = name(place, line.words[2]);
            if (!given) return tl::unexpected(given.error());
            origin = *given;
        }
        const auto text = read_(path);
        if (!text) return at(place, line.words[1], fmt::format("$INCLUDE: {}", text.error().text));
        return file(*text, path, origin, place.depth + 1);
    }

    Result<void> generate(Place& place, const ZoneLine& line);

    Result<void> record(Place& place, const ZoneLine& line) {
        size_t i = 0;
        if (!line.blank_first) {
            auto owner = name(place, line.words[i++]);
            if (!owner) return tl::unexpected(owner.error());
            place.owner = *owner;
        } else if (!place.owner) {
            return at(place, line.words[0], "a record without a name, and none before it");
        }
        std::optional<uint32_t> ttl;
        bool has_class = false;
        for (; i < line.words.size(); i++) {
            const auto& text = line.words[i].text;
            const auto klass = dns::parse_class(text);
            if (!ttl && starts_with_digit(text)) {
                ttl = parse_ttl(text);
                if (!ttl) return at(place, line.words[i], fmt::format("bad TTL \"{}\"", text));
            } else if (!has_class && klass && !dns::parse_type(text)) {
                if (*klass != dns::klass::kIn) {
                    return at(place, line.words[i],
                              fmt::format("class {}, but only IN is served", text));
                }
                has_class = true;
            } else {
                break;
            }
        }
        if (i == line.words.size()) return at(place, line.words.back(), "no type");
        if (!ttl) ttl = default_ttl_ ? default_ttl_ : last_ttl_;
        return add(place, line, i, ttl);
    }

    Result<void> add(Place& place, const ZoneLine& line, size_t i, std::optional<uint32_t> ttl) {
        const auto& type = line.words[i];
        if (!dns::parse_type(type.text)) {
            return at(place, type, fmt::format("unknown type \"{}\"", type.text));
        }
        std::string data;
        for (size_t j = i + 1; j < line.words.size(); j++) {
            data += (data.empty() ? "" : " ") + line.words[j].text;
        }
        const auto text = fmt::format(". 0 IN {} {}", type.text, data);
        ldns_rr* raw = nullptr;
        const auto origin = rdf_of(place.origin);
        const auto status = ldns_rr_new_frm_str(&raw, text.c_str(), 0, origin.get(), nullptr);
        const dns::LdnsRr rr(raw);
        const auto& first = i + 1 < line.words.size() ? line.words[i + 1] : type;
        if (status != LDNS_STATUS_OK) {
            return at(place, first,
                      fmt::format("bad {} data: \"{}\": {}", type.text, data,
                                  ldns_get_errorstr_by_id(status)));
        }
        const auto record = dns::record_of(*rr);
        if (!record) return at(place, first, record.error().text);
        if (record->rdata.size() > UINT16_MAX) return at(place, first, "data too long");
        if (!ttl && record->type == dns::rr::kSoa) ttl = dns::soa_minimum(record->rdata);
        if (!ttl) return at(place, type, "no TTL, neither here nor before, and no $TTL");
        last_ttl_ = ttl;
        builder_.add(*place.owner, record->type, *ttl, record->rdata);
        return {};
    }

    static dns::LdnsRdf rdf_of(const Name& name) {
        return dns::LdnsRdf(
            ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.size(), name.wire().data()));
    }

    ZoneBuilder builder_;
    const ReadFile& read_;
    std::optional<uint32_t> default_ttl_;
    std::optional<uint32_t> last_ttl_;
};

/// One "$", "${offset,width,base}" or "\$" of $GENERATE.
std::optional<std::string> filled_in(std::string_view text, uint64_t value) {
    std::string out;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            if (text[i + 1] != '$') out += text[i];
            out += text[++i];
        } else if (text[i] != '$') {
            out += text[i];
        } else if (i + 1 == text.size() || text[i + 1] != '{') {
            out += std::to_string(value);
        } else {
            const auto end = text.find('}', i);
            if (end == std::string_view::npos) return std::nullopt;
            const std::string spec(text.substr(i + 2, end - i - 2));
            int64_t offset = 0;
            unsigned width = 0;
            char base = 'd';
            char rest = 0;
            const int got = std::sscanf(spec.c_str(), "%ld,%u,%c%c", &offset, &width, &base, &rest);
            const bool known = std::string_view("doxX").find(base) != std::string_view::npos;
            if (got < 1 || got > 3 || width > 255 || !known) return std::nullopt;
            const auto number = static_cast<uint64_t>(static_cast<int64_t>(value) + offset);
            switch (base) {
                case 'o':
                    out += fmt::format("{:0{}o}", number, width);
                    break;
                case 'x':
                    out += fmt::format("{:0{}x}", number, width);
                    break;
                case 'X':
                    out += fmt::format("{:0{}X}", number, width);
                    break;
                default:
                    out += fmt::format("{:0{}d}", number, width);
            }
            i = end;
        }
    }
    return out;
}

Result<void> Reader::generate(Place& place, const ZoneLine& line) {
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t step = 1;
    const auto& range = line.words[1];
    char rest = 0;
    const int got = std::sscanf(range.text.c_str(), "%lu-%lu/%lu%c", &first, &last, &step, &rest);
    const bool good = (got == 2 || got == 3) && first <= last && step > 0 && last <= UINT32_MAX &&
                      (last - first) / step < kMostGenerated;
    if (!good) return at(place, range, fmt::format("bad range \"{}\" of $GENERATE", range.text));
    for (uint64_t value = first; value <= last; value += step) {
        ZoneLine one;
        for (size_t i = 2; i < line.words.size(); i++) {
            const auto text = filled_in(line.words[i].text, value);
            if (!text || text->empty()) {
                return at(place, line.words[i],
                          fmt::format("bad template \"{}\" of $GENERATE", line.words[i].text));
            }
            one.words.push_back({*text, line.words[i].line, line.words[i].column});
        }
        if (auto done = record(place, one); !done) return done;
    }
    return {};
}

}  // namespace

Result<ZoneText> read_zone(std::string_view text, const std::string& file, const Name& origin,
                           const ReadFile& read) {
    Reader reader(origin, read);
    if (text.find('\0') != std::string_view::npos) {
        return fail("{}: not a text file: it has a zero byte", file);
    }
    if (auto done = reader.file(text, file, origin, 0); !done) return tl::unexpected(done.error());
    return reader.finish(file);
}

}  // namespace ipref::resolver
