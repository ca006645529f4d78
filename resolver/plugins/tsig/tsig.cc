// SPDX-License-Identifier: GPL-2.0-or-later
// Queries signed with a shared secret (RFC 8945): verified, and their answers signed; on every
// transport, because both happen to the message, before and behind which the transports begin.
#include <fstream>
#include <set>
#include <sstream>
#include <unordered_map>

#include "common/dns/tsig.h"
#include "resolver/plugins/tsig/key_file.h"
#include "resolver/plugins/tsig/keys.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using Keys = std::unordered_map<Name, dns::TsigKey>;

/// What must come signed: numbers of query types, or of operations.
struct Required {
    bool all = false;
    std::set<uint16_t> some;
    bool operator()(uint16_t number) const { return all || some.contains(number); }
};

struct Parts {
    std::vector<Name> zones;
    Keys keys;
    Required types;
    Required opcodes;
};

class Tsig final : public Handler, public KeyRing {
  public:
    explicit Tsig(Parts parts) : parts_(std::move(parts)) {}
    const Keys& keys() const override { return parts_.keys; }
    const Name* signed_by(Query& q) const override { return q.state<Verified>(*this).key; }
    std::string_view name() const override { return "tsig"; }
    // NOTIFY and other classes, too: a query that others would answer must not get by unverified.
    Interest interest() const override { return {.all = true}; }

    Step handle(Query& q) override {
        const bool from_client = q.depth() == 0 && !q.request.wire.empty();
        if (!from_client || longest_zone(parts_.zones, q.request.lower) == nullptr)
            return Step::next;
        auto found = dns::find_tsig(q.request.wire);
        if (!found) return q.failed(dns::rcode::kFormErr, "plugin/tsig: " + found.error().text);
        if (*found) return verify(q, **found);
        if (!parts_.types(q.request.type) && !parts_.opcodes(q.request.opcode)) return Step::next;
        return q.failed(dns::rcode::kRefused);
    }

  private:
    /// Of one query.
    struct Verified {
        const Name* key = nullptr;
    };
    Step verify(Query& q, const dns::TsigRecord& record) const {
        const auto at = parts_.keys.find(record.key);
        if (at == parts_.keys.end()) return verify_signature(q, record, {});
        const auto step = verify_signature(q, record, at->second.secret);
        if (step == Step::next) q.state<Verified>(*this).key = &at->second.name;
        return step;
    }

    Parts parts_;
};

Result<void> add_key(Setup& setup, Parts& parts, const Position& at, dns::TsigKey key) {
    const Name name = key.name;
    if (key.secret.size() < dns::kLeastTsigSecret) {
        setup.warn(fmt::format("{}: the secret of key {} has {} bytes; less than {} can be guessed",
                               at.str(), name.str(), key.secret.size(), dns::kLeastTsigSecret));
    }
    if (!parts.keys.emplace(name, std::move(key)).second) {
        return parse_error(at, fmt::format("key {} is defined twice", name.str()));
    }
    return {};
}

/// secret NAME KEY
Result<void> take_secret(Setup& setup, Parts& parts, Dispenser& d) {
    const auto words = d.remaining_tokens();
    if (words.size() != 2) return d.arg_err();
    const auto name = Name::parse(words[0].text);
    if (!name) return parse_error(words[0].at, "key name: " + name.error().text);
    auto secret = dns::parse_tsig_secret(words[1].text);
    if (!secret)
        return parse_error(words[1].at, "secret of " + words[0].text + ": " + secret.error().text);
    return add_key(setup, parts, words[0].at,
                   {*name, dns::TsigAlgorithm::sha256, std::move(*secret)});
}

/// secrets FILE
Result<void> take_secrets(Setup& setup, Parts& parts, Dispenser& d) {
    const auto words = d.remaining_tokens();
    if (words.size() != 1) return d.arg_err();
    const auto path = setup.path(words[0].text);
    std::ifstream in(path);
    std::stringstream text;
    if (!in || !(text << in.rdbuf())) {
        return parse_error(words[0].at,
                           fmt::format("secrets file {} cannot be read, or is empty", path));
    }
    auto keys = parse_key_file(text.str());
    if (!keys) return parse_error(words[0].at, fmt::format("{}: {}", path, keys.error().text));
    for (auto& key : *keys) {
        auto added = add_key(setup, parts, words[0].at, std::move(key));
        if (!added) return added;
    }
    return {};
}

std::optional<uint16_t> parse_opcode(std::string_view text) {
    constexpr std::pair<std::string_view, uint8_t> kNames[] = {{"QUERY", dns::opcode::kQuery},
                                                               {"IQUERY", dns::opcode::kIquery},
                                                               {"STATUS", dns::opcode::kStatus},
                                                               {"NOTIFY", dns::opcode::kNotify},
                                                               {"UPDATE", dns::opcode::kUpdate}};
    for (const auto& [name, opcode] : kNames) {
        if (name == text) return opcode;
    }
    return std::nullopt;
}

/// WORD...|all|none
Result<void> take_required(Required& required, Dispenser& d, std::string_view what,
                           std::optional<uint16_t> (*parse)(std::string_view)) {
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto number = parse(word.text);
        if (word.text == "all") {
            required.all = true;
        } else if (word.text == "none") {
            required = {};
        } else if (!number) {
            return parse_error(word.at, fmt::format("unknown {} '{}'", what, word.text));
        } else {
            required.some.insert(*number);
        }
    }
    return {};
}

}  // namespace

Result<void> setup_tsig(Setup& setup) {
    auto& d = setup.tokens();
    Parts parts;
    OptionTable options;
    options.custom({"secret", "NAME KEY", "", "A key, its secret in base64.",
                    [&](Dispenser& in) { return take_secret(setup, parts, in); }});
    options.custom({"secrets", "FILE", "", "Keys in a file as BIND has them.",
                    [&](Dispenser& in) { return take_secrets(setup, parts, in); }});
    options.custom(
        {"require", "QTYPE...|all|none", "none", "What must come signed.", [&](Dispenser& in) {
             return take_required(parts.types, in, "query type", dns::parse_type);
         }});
    options.custom({"require_opcode", "OPCODE...|all|none", "none",
                    "Operations that must come signed: NOTIFY, QUERY.", [&](Dispenser& in) {
                        return take_required(parts.opcodes, in, "operation", parse_opcode);
                    }});
    bool used = false;
    while (d.next()) {
        if (std::exchange(used, true)) return setup.once_error();
        auto zones = setup.zones_or_own(d.remaining_tokens());
        if (!zones) return tl::unexpected(zones.error());
        parts.zones = std::move(*zones);
        if (auto read = options.read_block(d); !read) return read;
    }
    if (parts.keys.empty()) return setup.error("no keys; write 'secret NAME KEY'");
    setup.add(std::make_unique<Tsig>(std::move(parts)));
    return {};
}

}  // namespace ipref::resolver
