// SPDX-License-Identifier: GPL-2.0-or-later
// Transaction signatures (RFC 8945): a shared secret signs messages over HMAC-SHA256, 384 or 512,
// and, for servers whose clients have nothing newer, SHA1 and SHA224.
// Bytes in, bytes out; the time is given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"

namespace ipref::dns {

enum class TsigAlgorithm : uint8_t { sha256, sha384, sha512, sha224, sha1 };
/// For a key of our own: "hmac-sha256", "hmac-sha384" or "hmac-sha512", in any case, with or
/// without the final dot.
Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text);
/// As a message names it; any of the enum.
std::optional<TsigAlgorithm> tsig_algorithm(const Name& name);
/// "hmac-sha256"; the algorithm's name on the wire as well.
const char* name_of(TsigAlgorithm algorithm);

/// A secret in base64, of any size but zero.
Result<std::vector<uint8_t>> parse_tsig_secret(std::string_view text);
constexpr size_t kLeastTsigSecret = 16;  ///< bytes; RFC 8945 wants as many as the hash has

struct TsigKey {
    Name name;
    TsigAlgorithm algorithm = TsigAlgorithm::sha256;
    std::vector<uint8_t> secret;
};

/// Reads a secret in base64 from a file of one line. The error names the file: who may read it
/// (nobody but its owner and group may), what is wrong with its text, or what the kernel said.
Result<std::vector<uint8_t>> read_tsig_secret(const std::string& path);
/// "NAME:ALG:SECRET-FILE"; reads the file.
Result<TsigKey> parse_tsig(std::string_view text);

/// Codes of a TSIG record's error field (RFC 8945 section 3).
namespace tsig_error {
constexpr uint16_t kNone = 0, kBadSig = 16, kBadKey = 17, kBadTime = 18, kBadTrunc = 22;
}

/// A TSIG record as it stands at a message's end.
struct TsigRecord {
    Name key;
    Name algorithm;
    uint64_t time = 0;  ///< seconds since 1970
    uint16_t fudge = 0;
    std::vector<uint8_t> mac;
    uint16_t original_id = 0;
    uint16_t error = 0;
    std::vector<uint8_t> other;
    size_t at = 0;  ///< where it begins in the message
};
/// The message's TSIG record; none if it is not signed. An error if it is malformed or not last.
Result<std::optional<TsigRecord>> find_tsig(Bytes message);

/// One exchange: a message that opens it, and those that answer, one or many (a zone transfer).
/// Either end: who asks signs first and then verifies, who answers verifies first and then signs.
class TsigSession {
  public:
    explicit TsigSession(const TsigKey& key);
    ~TsigSession();
    TsigSession(TsigSession&&) noexcept;

    static constexpr uint16_t kFudge = 300;      ///< seconds that clocks may differ
    static constexpr size_t kMostUnsigned = 99;  ///< messages between two that are signed

    /// What is wrong with a message, and the code for an answer to it.
    struct Flaw {
        uint16_t error = tsig_error::kNone;
        std::string text;
    };
    /// The message with its TSIG record. `message` has none. `error` may be kBadTime, after
    /// verify() said so; it goes with our own time (RFC 8945 section 5.2.3).
    std::vector<uint8_t> sign(Bytes message, uint64_t now, uint16_t error = tsig_error::kNone);
    /// Bytes that sign() adds, at most.
    static size_t overhead(const TsigKey& key);
    /// The first message must be signed, later ones of the same direction may be unsigned in
    /// between; see settled(). After kBadTime the session may sign: the secret was right.
    tl::expected<void, Flaw> verify(Bytes message, uint64_t now);
    /// The message that was verified last was signed: nothing unproven is left.
    bool settled() const { return unsigned_ == 0; }

  private:
    class Hmac;
    void begin();
    tl::expected<void, Flaw> check(const TsigRecord& record, uint64_t now);
    void add_message(Bytes message, const TsigRecord& record);
    void add_variables(const TsigRecord& record);

    TsigKey key_;
    std::unique_ptr<Hmac> hmac_;
    std::vector<uint8_t> previous_;  ///< MAC of the message before
    size_t messages_ = 0;
    size_t unsigned_ = 0;
    bool begun_ = false;
    bool authentic_ = false;  ///< the MAC that was checked last was right
};

/// The answer to a message whose key is unknown or whose signature is wrong: with a TSIG record
/// that says so and signs nothing (RFC 8945 section 5.2). `message` has none.
std::vector<uint8_t> with_tsig_error(Bytes message, const TsigRecord& asked, uint16_t error);

}  // namespace ipref::dns
