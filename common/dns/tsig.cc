// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace ipref::dns {

namespace {

struct Entry {
    TsigAlgorithm algorithm;
    const char* name;
    const char* digest;
};
constexpr std::array<Entry, 5> kAlgorithms = {{{TsigAlgorithm::sha256, "hmac-sha256", "SHA256"},
                                               {TsigAlgorithm::sha384, "hmac-sha384", "SHA384"},
                                               {TsigAlgorithm::sha512, "hmac-sha512", "SHA512"},
                                               {TsigAlgorithm::sha224, "hmac-sha224", "SHA224"},
                                               {TsigAlgorithm::sha1, "hmac-sha1", "SHA1"}}};
constexpr size_t kTimeBytes = 6;
constexpr size_t kForOurKeys = 3;  // of these, from the front

const Entry& entry_of(TsigAlgorithm algorithm) {
    return kAlgorithms[static_cast<size_t>(algorithm)];
}

Name name_on_wire(TsigAlgorithm algorithm) {
    return Name::parse(name_of(algorithm)).value();
}

const char* error_text(uint16_t error) {
    switch (error) {
        case tsig_error::kBadSig:
            return "BADSIG: the secrets differ";
        case tsig_error::kBadKey:
            return "BADKEY: it does not know a key of that name and algorithm";
        case tsig_error::kBadTime:
            return "BADTIME: the clocks differ";
        case tsig_error::kBadTrunc:
            return "BADTRUNC";
        default:
            return "an unknown error";
    }
}

/// Into `out`, in host order of the caller.
void append(std::vector<uint8_t>& out, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0;) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void append(std::vector<uint8_t>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> rdata_of(const TsigRecord& record) {
    std::vector<uint8_t> out;
    append(out, record.algorithm.wire());
    append(out, record.time, kTimeBytes);
    append(out, record.fudge, 2);
    append(out, record.mac.size(), 2);
    append(out, record.mac);
    append(out, record.original_id, 2);
    append(out, record.error, 2);
    append(out, record.other.size(), 2);
    append(out, record.other);
    return out;
}

std::vector<uint8_t> with_record(Bytes message, const TsigRecord& record) {
    std::vector<uint8_t> out(message.begin(), message.end());
    append(out, record.key.wire());
    append(out, rr::kTsig, 2);
    append(out, klass::kAny, 2);
    append(out, 0, 4);
    const auto rdata = rdata_of(record);
    append(out, rdata.size(), 2);
    append(out, rdata);
    auto header = Header::read(message).value();
    header.additionals++;
    header.write(out);
    return out;
}

Result<TsigRecord> read_rdata(const RecordView& view) {
    const auto algorithm = Name::from_wire(view.rdata);
    if (!algorithm) return fail("malformed TSIG record");
    TsigRecord out;
    out.key = view.owner;
    out.algorithm = *algorithm;
    out.at = view.owner_at;
    wire::Reader reader(view.rdata.subspan(algorithm->size()));
    out.time = uint64_t{reader.u16()} << 32;
    out.time |= reader.u32();
    out.fudge = reader.u16();
    const auto mac = reader.take(reader.u16());
    out.original_id = reader.u16();
    out.error = reader.u16();
    const auto other = reader.take(reader.u16());
    if (!reader.done()) return fail("malformed TSIG record");
    out.mac.assign(mac.begin(), mac.end());
    out.other.assign(other.begin(), other.end());
    return out;
}

}  // namespace

const char* name_of(TsigAlgorithm algorithm) {
    return entry_of(algorithm).name;
}

Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
    std::string word(text);
    if (!word.empty() && word.back() == '.') word.pop_back();
    for (char& c : word) c = static_cast<char>(lower_byte(static_cast<uint8_t>(c)));
    for (size_t i = 0; i < kForOurKeys; i++) {
        if (word == kAlgorithms[i].name) return kAlgorithms[i].algorithm;
    }
    return fail("\"{}\" is no algorithm; give hmac-sha256, hmac-sha384 or hmac-sha512", text);
}

std::optional<TsigAlgorithm> tsig_algorithm(const Name& name) {
    for (const auto& entry : kAlgorithms) {
        if (name == name_on_wire(entry.algorithm)) return entry.algorithm;
    }
    return std::nullopt;
}

Result<std::optional<TsigRecord>> find_tsig(Bytes message) {
    MessageReader reader(message);
    std::optional<TsigRecord> found;
    while (const auto view = reader.record()) {
        if (found) return fail("the TSIG record is not the last");
        if (view->type != rr::kTsig) continue;
        if (view->section != Section::additional) return fail("the TSIG record is misplaced");
        if (view->klass != klass::kAny || view->ttl != 0) return fail("malformed TSIG record");
        auto record = read_rdata(*view);
        if (!record) return tl::unexpected(record.error());
        found = std::move(*record);
    }
    if (!reader.ok()) return fail("malformed message");
    return found;
}

// ---- the hash

class TsigSession::Hmac {
  public:
    explicit Hmac(const TsigKey& key)
        : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
          context_(EVP_MAC_CTX_new(mac_)),
          secret_(key.secret),
          digest_(entry_of(key.algorithm).digest) {
        start();
    }
    ~Hmac() {
        EVP_MAC_CTX_free(context_);
        EVP_MAC_free(mac_);
    }
    Hmac(const Hmac&) = delete;
    Hmac& operator=(const Hmac&) = delete;

    void start() {
        const std::array<OSSL_PARAM, 2> parameters = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_.data(), 0),
            OSSL_PARAM_construct_end()};
        sure(EVP_MAC_init(context_, secret_.data(), secret_.size(), parameters.data()));
    }
    void add(Bytes bytes) { sure(EVP_MAC_update(context_, bytes.data(), bytes.size())); }
    std::vector<uint8_t> finish() {
        std::vector<uint8_t> out(EVP_MAX_MD_SIZE);
        size_t size = 0;
        sure(EVP_MAC_final(context_, out.data(), &size, out.size()));
        out.resize(size);
        return out;
    }

  private:
    /// HMAC over SHA-2 fails only without memory.
    static void sure(int done) {
        if (done != 1) std::abort();
    }

    EVP_MAC* mac_;
    EVP_MAC_CTX* context_;
    std::vector<uint8_t> secret_;
    std::string digest_;
};

// ---- the exchange

TsigSession::TsigSession(const TsigKey& key) : key_(key), hmac_(std::make_unique<Hmac>(key)) {}
TsigSession::~TsigSession() = default;
TsigSession::TsigSession(TsigSession&&) noexcept = default;

/// What is hashed in front of a message: the MAC that it follows.
void TsigSession::begin() {
    if (begun_) return;
    begun_ = true;
    hmac_->start();
    if (messages_ == 0) return;
    std::vector<uint8_t> front;
    append(front, previous_.size(), 2);
    append(front, previous_);
    hmac_->add(front);
}

/// As it was before the TSIG record came to it (RFC 8945 section 4.3.2).
void TsigSession::add_message(Bytes message, const TsigRecord& record) {
    auto header = Header::read(message).value();
    header.id = record.original_id;
    if (record.at < message.size()) header.additionals--;
    std::array<uint8_t, kHeaderSize> front;
    header.write(front);
    hmac_->add(front);
    hmac_->add(message.subspan(kHeaderSize, record.at - kHeaderSize));
}

void TsigSession::add_variables(const TsigRecord& record) {
    std::vector<uint8_t> out;
    const bool timers_only = messages_ > 1;
    if (!timers_only) {
        append(out, record.key.lower().wire());
        append(out, klass::kAny, 2);
        append(out, 0, 4);
        append(out, record.algorithm.lower().wire());
    }
    append(out, record.time, kTimeBytes);
    append(out, record.fudge, 2);
    if (!timers_only) {
        append(out, record.error, 2);
        append(out, record.other.size(), 2);
        append(out, record.other);
    }
    hmac_->add(out);
}

size_t TsigSession::overhead(const TsigKey& key) {
    constexpr size_t kRecordHead = 10, kFixed = 16, kTime = 6;
    return key.name.size() + kRecordHead + name_on_wire(key.algorithm).size() + kFixed + kTime +
           EVP_MAX_MD_SIZE;
}

std::vector<uint8_t> TsigSession::sign(Bytes message, uint64_t now, uint16_t error) {
    const auto header = Header::read(message).value();
    TsigRecord record;
    record.key = key_.name;
    record.algorithm = name_on_wire(key_.algorithm);
    record.time = now;
    record.fudge = kFudge;
    record.original_id = header.id;
    record.at = message.size();
    record.error = error;
    if (error == tsig_error::kBadTime) append(record.other, now, kTimeBytes);
    begin();
    add_message(message, record);
    add_variables(record);
    record.mac = previous_ = hmac_->finish();
    begun_ = false;
    messages_++;
    return with_record(message, record);
}

std::vector<uint8_t> with_tsig_error(Bytes message, const TsigRecord& asked, uint16_t error) {
    TsigRecord record = asked;
    record.mac.clear();
    record.other.clear();
    record.original_id = Header::read(message).value().id;
    record.error = error;
    return with_record(message, record);
}

tl::expected<void, TsigSession::Flaw> TsigSession::check(const TsigRecord& record, uint64_t now) {
    authentic_ = false;
    if (record.key != key_.name || record.algorithm != name_on_wire(key_.algorithm)) {
        return tl::unexpected(Flaw{
            tsig_error::kBadKey,
            fmt::format("it is signed with key {} {}", record.key.str(), record.algorithm.str())});
    }
    const auto mac = hmac_->finish();
    begun_ = false;
    authentic_ = mac.size() == record.mac.size() &&
                 CRYPTO_memcmp(mac.data(), record.mac.data(), mac.size()) == 0;
    const bool answers_us = messages_ > 0;  // what a question says of errors means nothing
    if (answers_us && record.error != tsig_error::kNone) {
        return tl::unexpected(
            Flaw{record.error, fmt::format("the server refuses key {}: {}", key_.name.str(),
                                           error_text(record.error))});
    }
    if (!authentic_) return tl::unexpected(Flaw{tsig_error::kBadSig, "its signature is wrong"});
    previous_ = mac;
    const auto apart = now > record.time ? now - record.time : record.time - now;
    if (apart > record.fudge) {
        return tl::unexpected(
            Flaw{tsig_error::kBadTime, fmt::format("it was signed {} s from now", apart)});
    }
    return {};
}

tl::expected<void, TsigSession::Flaw> TsigSession::verify(Bytes message, uint64_t now) {
    auto found = find_tsig(message);
    if (!found) return tl::unexpected(Flaw{tsig_error::kNone, found.error().text});
    if (!*found) {
        if (messages_ < 2 || unsigned_ == kMostUnsigned) {
            return tl::unexpected(Flaw{tsig_error::kNone, "it is not signed"});
        }
        unsigned_++;
        begin();
        TsigRecord none;
        none.at = message.size();
        none.original_id = Header::read(message)->id;
        add_message(message, none);
        return {};
    }
    begin();
    add_message(message, **found);
    add_variables(**found);
    auto fine = check(**found, now);
    if (!authentic_) return fine;
    messages_++;
    unsigned_ = 0;
    return fine;
}

}  // namespace ipref::dns
