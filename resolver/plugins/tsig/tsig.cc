// SPDX-License-Identifier: GPL-2.0-or-later
// Queries signed with a shared secret (RFC 8945): verified, and their answers signed; on every
// transport, because both happen to the message, before and behind which the transports begin.
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>
#include <unordered_map>

#include "common/dns/tsig.h"
#include "resolver/plugins/tsig/key_file.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using Secrets = std::unordered_map<Name, std::vector<uint8_t>>;

uint64_t wall_clock() {
    return static_cast<uint64_t>(std::time(nullptr));
}

/// Which query types must come signed.
struct Required {
    bool all = false;
    std::set<uint16_t> types;
    bool operator()(uint16_t type) const { return all || types.contains(type); }
};

class SessionSigner final : public Signer {
  public:
    SessionSigner(const dns::TsigKey& key, dns::TsigSession session, uint16_t error)
        : overhead_(dns::TsigSession::overhead(key)), session_(std::move(session)), error_(error) {}
    size_t overhead() const override { return overhead_; }
    std::vector<uint8_t> sign(Bytes message) override {
        return session_.sign(message, wall_clock(), error_);
    }

  private:
    size_t overhead_;
    dns::TsigSession session_;
    uint16_t error_;
};

/// For whom there is no secret to sign with: says why.
class ErrorSigner final : public Signer {
  public:
    ErrorSigner(dns::TsigRecord asked, uint16_t error) : asked_(std::move(asked)), error_(error) {}
    size_t overhead() const override {
        constexpr size_t kFixed = 26;
        return asked_.key.size() + asked_.algorithm.size() + kFixed;
    }
    std::vector<uint8_t> sign(Bytes message) override {
        return dns::with_tsig_error(message, asked_, error_);
    }

  private:
    dns::TsigRecord asked_;
    uint16_t error_;
};

class Tsig final : public Handler {
  public:
    Tsig(std::vector<Name> zones, Secrets secrets, Required required)
        : zones_(std::move(zones)), secrets_(std::move(secrets)), required_(std::move(required)) {}
    std::string_view name() const override { return "tsig"; }
    // NOTIFY and other classes, too: a query that others would answer must not get by unverified.
    Interest interest() const override { return {.all = true}; }

    Step handle(Query& q) override {
        const bool from_client = q.depth() == 0 && !q.request.wire.empty();
        if (!from_client || longest_zone(zones_, q.request.lower) == nullptr) return Step::next;
        auto found = dns::find_tsig(q.request.wire);
        if (!found) return q.failed(dns::rcode::kFormErr, "plugin/tsig: " + found.error().text);
        if (*found) return verify(q, **found);
        if (!required_(q.request.type)) return Step::next;
        return q.failed(dns::rcode::kRefused);
    }

  private:
    Step verify(Query& q, const dns::TsigRecord& record) const {
        const auto secret = secrets_.find(record.key);
        const auto algorithm = dns::tsig_algorithm(record.algorithm);
        if (secret == secrets_.end() || !algorithm) {
            return not_auth(q, record, dns::tsig_error::kBadKey, "no such key");
        }
        const dns::TsigKey key{record.key, *algorithm, secret->second};
        dns::TsigSession session(key);
        const auto fine = session.verify(q.request.wire, wall_clock());
        const uint16_t error = fine ? dns::tsig_error::kNone : fine.error().error;
        if (!fine && error != dns::tsig_error::kBadTime) {
            return not_auth(q, record, dns::tsig_error::kBadSig, fine.error().text);
        }
        q.sign_with(std::make_unique<SessionSigner>(key, std::move(session), error));
        if (!fine) return refused(q, record, fine.error().text);
        return Step::next;
    }
    static Step not_auth(Query& q, const dns::TsigRecord& record, uint16_t error,
                         const std::string& why) {
        q.sign_with(std::make_unique<ErrorSigner>(record, error));
        return refused(q, record, why);
    }
    static Step refused(Query& q, const dns::TsigRecord& record, const std::string& why) {
        return q.failed(dns::rcode::kNotAuth,
                        fmt::format("plugin/tsig: key {} from {}: {}", record.key.str(),
                                    q.request.client.ip.str(), why));
    }

    std::vector<Name> zones_;
    Secrets secrets_;
    Required required_;
};

struct Parts {
    std::vector<Name> zones;
    Secrets secrets;
    Required required;
};

Result<void> add_secret(Setup& setup, Parts& parts, const Position& at, const Name& name,
                        std::vector<uint8_t> secret) {
    if (secret.size() < dns::kLeastTsigSecret) {
        setup.warn(fmt::format("{}: the secret of key {} has {} bytes; less than {} can be guessed",
                               at.str(), name.str(), secret.size(), dns::kLeastTsigSecret));
    }
    if (!parts.secrets.emplace(name, std::move(secret)).second) {
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
    return add_secret(setup, parts, words[0].at, *name, std::move(*secret));
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
        auto added = add_secret(setup, parts, words[0].at, key.name, std::move(key.secret));
        if (!added) return added;
    }
    return {};
}

/// require QTYPE...|all|none
Result<void> take_required(Parts& parts, Dispenser& d) {
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto type = dns::parse_type(word.text);
        if (word.text == "all") {
            parts.required.all = true;
        } else if (word.text == "none") {
            parts.required = {};
        } else if (!type) {
            return parse_error(word.at, fmt::format("unknown query type '{}'", word.text));
        } else {
            parts.required.types.insert(*type);
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
    options.custom({"require", "QTYPE...|all|none", "none", "What must come signed.",
                    [&](Dispenser& in) { return take_required(parts, in); }});
    bool used = false;
    while (d.next()) {
        if (std::exchange(used, true)) return setup.once_error();
        auto zones = setup.zones_or_own(d.remaining_tokens());
        if (!zones) return tl::unexpected(zones.error());
        parts.zones = std::move(*zones);
        if (auto read = options.read_block(d); !read) return read;
    }
    if (parts.secrets.empty()) return setup.error("no keys; write 'secret NAME KEY'");
    setup.add(std::make_unique<Tsig>(std::move(parts.zones), std::move(parts.secrets),
                                     std::move(parts.required)));
    return {};
}

}  // namespace ipref::resolver
