// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin sign: what it writes, and when. dnssec-verify judges it in tests/e2e/sign_test.py.
#include <fcntl.h>
#include <sys/stat.h>

#include <sstream>

#include "resolver/plugins/file/zone_text.h"
#include "resolver/plugins/sign/signed_file.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/resolver/plugins/zone_key.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;

namespace {

constexpr uint32_t kNow = 1'800'000'000;
constexpr uint32_t kDay = 86'400;

const char* const kZone =
    "$ORIGIN example.org.\n"
    "@ 3600 SOA Ns Hostmaster 7 7200 3600 1209600 300\n@ 3600 NS Ns\n"
    "ns 3600 A 192.0.2.1\nmail 60 A 192.0.2.2\nmail 50 A 192.0.2.3\nmail 60 TXT \"a b\" c\n"
    "*.wild 60 TXT \"star\"\na.b.deep 60 A 192.0.2.4\n"
    "sub 3600 NS ns.sub\nns.sub 3600 A 192.0.2.9\n"
    "safe 3600 NS ns.sub\nsafe 3600 DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n"
    "old 60 DNAME new\nbelow.old 60 A 192.0.2.5\n";

/// A zone file, its keys, and the signed file.
struct Signing {
    explicit Signing(const std::string& text = kZone) {
        write(text);
        add_key("K0");
        file = made();
    }
    void write(const std::string& text) { std::ofstream(directory.file("db")) << text; }
    void add_key(const std::string& name) {
        write_zone_key(directory.path() / name, "example.org.");
        keys.push_back(SigningKey::load(directory.file(name)).value());
    }
    std::shared_ptr<SignedFile> made() const {
        return std::make_shared<SignedFile>(origin, directory.file("db"), directory.path(), keys);
    }
    /// 1: signed, 0: not needed; fails the test on an error.
    int bring(uint32_t now) const {
        const auto done = file->bring_up_to_date(now);
        if (!done) FAIL(done.error().text);
        return *done ? 1 : 0;
    }
    std::string text() const {
        std::ifstream in(directory.file("db.example.org.signed"));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::shared_ptr<const Zone> zone() const {
        auto read = read_zone(text(), "signed", origin, nullptr);
        if (!read) FAIL(read.error().text);
        return read->zone;
    }
    /// The signed zone's lines that begin with OWNER and TYPE, without their TTL.
    std::vector<std::string> of(const std::string& owner, const std::string& type) const {
        std::vector<std::string> out;
        std::istringstream in(text());
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string name, ttl, klass, kind, data;
            words >> name >> ttl >> klass >> kind;
            std::getline(words >> std::ws, data);
            if (name == owner + ".example.org." || (owner == "@" && name == "example.org.")) {
                while (data.ends_with(' ')) data.pop_back();
                if (kind == type) out.push_back(data);
            }
        }
        return out;
    }
    size_t signatures(const std::string& owner, const std::string& type) const {
        size_t count = 0;
        for (const auto& data : of(owner, "RRSIG")) count += data.starts_with(type + " ") ? 1 : 0;
        return count;
    }

    dns::Name origin = dns::Name::parse("example.org").value();
    TemporaryDirectory directory;
    std::vector<SigningKey> keys;
    std::shared_ptr<SignedFile> file;
};

}  // namespace

TEST_CASE("A zone is signed where it has authority, and nowhere else", "[sign]") {
    Signing signing;
    REQUIRE(signing.bring(kNow) == 1);
    for (const auto& [owner, type] :
         std::vector<std::pair<const char*, const char*>>{{"@", "SOA"},
                                                          {"@", "NS"},
                                                          {"@", "DNSKEY"},
                                                          {"@", "CDS"},
                                                          {"@", "CDNSKEY"},
                                                          {"@", "NSEC"},
                                                          {"mail", "A"},
                                                          {"mail", "TXT"},
                                                          {"*.wild", "TXT"},
                                                          {"sub", "NSEC"},
                                                          {"safe", "DS"},
                                                          {"safe", "NSEC"},
                                                          {"old", "DNAME"}}) {
        INFO(owner << " " << type);
        CHECK(signing.signatures(owner, type) == 1);
    }
    CHECK(signing.of("sub", "RRSIG").size() == 1);
    CHECK(signing.of("safe", "RRSIG").size() == 2);
    CHECK(signing.of("ns.sub", "RRSIG").empty());
    CHECK(signing.of("ns.sub", "A").size() == 1);
    CHECK(signing.of("below.old", "NSEC").empty());
    CHECK(signing.of("deep", "NSEC").empty());
    CHECK(signing.of("sub", "NSEC") ==
          std::vector<std::string>{"*.wild.example.org. NS RRSIG NSEC"});
    CHECK(signing.of("*.wild", "NSEC") == std::vector<std::string>{"example.org. TXT RRSIG NSEC"});
    CHECK(signing.zone()->serial() == kNow);
}

TEST_CASE("Signatures of the zone file give way; its other keys stay", "[sign]") {
    Signing signing;
    REQUIRE(signing.bring(kNow) == 1);
    const auto first = signing.text();
    Signing again(first);
    REQUIRE(again.bring(kNow) == 1);
    CHECK(again.of("@", "DNSKEY").size() == 2);
    CHECK(again.of("@", "CDS").size() == 1);
    CHECK(again.of("mail", "RRSIG").size() == 3);
    CHECK(again.of("mail", "NSEC").size() == 1);
    CHECK_THAT(again.of("mail", "NSEC").at(0), Catch::EndsWith("A TXT RRSIG NSEC"));
}

TEST_CASE("Every key signs every set", "[sign]") {
    Signing signing;
    signing.add_key("K1");
    signing.file = signing.made();
    REQUIRE(signing.bring(kNow) == 1);
    CHECK(signing.signatures("mail", "A") == 2);
    CHECK(signing.signatures("@", "DNSKEY") == 2);
    CHECK(signing.of("@", "CDS").size() == 2);
    CHECK(signing.bring(kNow) == 0);
}

TEST_CASE("A zone is signed anew when it is time, and not before", "[sign]") {
    Signing signing;
    REQUIRE(signing.bring(kNow) == 1);
    CHECK(signing.bring(kNow + 5 * kDay) == 0);
    SECTION("after six days") {
        CHECK(signing.bring(kNow + 7 * kDay) == 1);
    }
    SECTION("for a new key") {
        signing.add_key("K1");
        signing.file = signing.made();
        CHECK(signing.bring(kNow + 1) == 1);
    }
    SECTION("for a newer zone file, with a higher serial in the same second") {
        const timespec later[] = {{.tv_sec = 4'000'000'000, .tv_nsec = 0}, {4'000'000'000, 0}};
        REQUIRE(utimensat(AT_FDCWD, signing.directory.file("db").c_str(), later, 0) == 0);
        CHECK(signing.bring(kNow) == 1);
        CHECK(signing.zone()->serial() == kNow + 1);
    }
    SECTION("for a damaged file") {
        std::ofstream(signing.file->path()) << "nonsense";
        CHECK(signing.bring(kNow) == 1);
    }
}

TEST_CASE("Signatures begin before now and end well after it", "[sign]") {
    for (int i = 0; i < 200; i++) {
        const auto validity = new_validity(kNow);
        CHECK(kNow - validity.inception >= 3 * 3600);
        CHECK(kNow - validity.inception <= 21 * 3600);
        CHECK(validity.expiration - kNow >= 32 * kDay);
        CHECK(validity.expiration - kNow <= 37 * kDay);
        CHECK_FALSE(is_due(validity, kNow));
        CHECK(is_due(validity, kNow + 7 * kDay));
    }
    CHECK(is_due({kNow - kDay, kNow + 13 * kDay}, kNow));
    CHECK(is_due({kNow + kDay, kNow + 30 * kDay}, kNow));
}

TEST_CASE("What cannot be signed is said, and the signed file stays", "[sign]") {
    Signing signing;
    REQUIRE(signing.bring(kNow) == 1);
    const auto before = signing.text();
    const auto says = [&](const std::string& text) {
        signing.write(text);
        const auto done = signing.file->bring_up_to_date(kNow + 10 * kDay);
        CHECK(signing.text() == before);
        return done ? std::string("signed") : done.error().text;
    };
    CHECK_THAT(says("@ 60 A 192.0.2.1\n"), Catch::Contains("SOA"));
    CHECK_THAT(says(std::string(kZone) + "@ 0 NSEC3PARAM 1 0 0 -\n"), Catch::Contains("NSEC3"));
    std::filesystem::remove(signing.directory.file("db"));
    CHECK_THAT(signing.file->bring_up_to_date(kNow + 10 * kDay).error().text,
               Catch::Contains("No such file"));
}

TEST_CASE("Options of plugin sign", "[sign]") {
    const TemporaryDirectory directory;
    write_zone_key(directory.path() / "Kexample.org.+013+00001", "example.org.");
    write_zone_key(directory.path() / "Kother.org.+013+00002", "other.org.");
    const auto says = [&](const std::string& block, const std::string& zones = "") {
        return refusal("example.org {\n root " + directory.path().string() + "\n sign db " + zones +
                       "{\n" + block + "\n }\n whoami\n}\n");
    };
    CHECK(says("key file Kexample.org.+013+00001.private\n directory .") == "");
    CHECK(says("key directory .") == "");
    CHECK(says("key directory .", "example.org other.org ") == "");
    CHECK_THAT(says("key directory .", "example.org third.org "),
               Catch::Contains("no key of zone third.org"));
    CHECK_THAT(says("key directory .", "third.org "), Catch::Contains("no keys Kthird.org.+"));
    CHECK_THAT(says("key file Kother.org.+013+00002"), Catch::Contains("is of zone other.org"));
    CHECK_THAT(says("key file Knone"), Catch::Contains("Knone.key: No such file"));
    CHECK_THAT(says("key directory none"), Catch::Contains("No such file"));
    CHECK_THAT(says("key x y"), Catch::Contains("'x' instead of"));
    CHECK_THAT(says("directory ."), Catch::Contains("no keys"));
    CHECK_THAT(says("serial 1"), Catch::Contains("unknown property 'serial'"));
}
