// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/tsig/keys.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>

namespace ipref::resolver {

namespace {

uint64_t wall_clock() {
    return static_cast<uint64_t>(std::time(nullptr));
}

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

Step refused(Query& q, const dns::TsigRecord& record, const std::string& why) {
    return q.failed(dns::rcode::kNotAuth,
                    fmt::format("plugin/tsig: key {} from {}: {}", record.key.str(),
                                q.request.client.ip.str(), why));
}

Step not_auth(Query& q, const dns::TsigRecord& record, uint16_t error, const std::string& why) {
    q.sign_with(std::make_unique<ErrorSigner>(record, error));
    return refused(q, record, why);
}

}  // namespace

Step verify_signature(Query& q, const dns::TsigRecord& record, std::span<const uint8_t> secret) {
    const auto algorithm = dns::tsig_algorithm(record.algorithm);
    if (secret.empty() || !algorithm) {
        return not_auth(q, record, dns::tsig_error::kBadKey, "no such key");
    }
    const dns::TsigKey key{record.key, *algorithm, {secret.begin(), secret.end()}};
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

const KeyRing* key_ring_of(const Chain& chain) {
    for (const auto& handler : chain.handlers()) {
        if (const auto* ring = dynamic_cast<const KeyRing*>(handler.get())) return ring;
    }
    return nullptr;
}

Result<std::optional<NamedKey>> take_key(std::vector<Token>& words) {
    if (words.size() < 2 || words[words.size() - 2].text != "key") return std::nullopt;
    const Token word = words.back();
    words.resize(words.size() - 2);
    const auto name = Name::parse(word.text);
    if (!name) return parse_error(word.at, "key name: " + name.error().text);
    return NamedKey{word, *name};
}

Result<std::optional<dns::TsigKey>> find_key(const std::optional<NamedKey>& named,
                                             const KeyRing* ring) {
    if (!named) return std::nullopt;
    if (ring == nullptr) {
        return parse_error(named->word.at, fmt::format("no key {} in this block: plugin tsig "
                                                       "defines keys",
                                                       named->name.str()));
    }
    const auto found = ring->keys().find(named->name);
    if (found != ring->keys().end()) return found->second;
    std::vector<std::string> there;
    for (const auto& [known, key] : ring->keys()) there.push_back(known.str());
    std::ranges::sort(there);
    return parse_error(named->word.at, fmt::format("no key {} in this block: plugin tsig has {}",
                                                   named->name.str(), fmt::join(there, ", ")));
}

}  // namespace ipref::resolver
