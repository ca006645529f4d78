// SPDX-License-Identifier: GPL-2.0-or-later
// Signs zone files; plugins file and auto serve what it writes.
#include <algorithm>
#include <filesystem>

#include "resolver/plugins/sign/signed_file.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

namespace fs = std::filesystem;

class SignService final : public Service {
  public:
    SignService(std::vector<std::shared_ptr<SignedFile>> files, run::Loop& loop)
        : files_(std::move(files)) {
        for (const auto& file : files_) file->start(loop);
    }
    ~SignService() override {
        for (const auto& file : files_) file->stop();
    }
    SignService(const SignService&) = delete;
    SignService& operator=(const SignService&) = delete;

  private:
    std::vector<std::shared_ptr<SignedFile>> files_;
};

/// One `sign` line with its block.
struct Use {
    std::string from;
    std::string directory = "/var/lib/coredns";
    std::vector<Name> zones;
    std::vector<SigningKey> keys;
};

Result<void> take_key(const Token& word, const std::string& path, Use& use) {
    auto key = SigningKey::load(path);
    if (!key) return parse_error(word.at, key.error().text);
    if (std::ranges::find(use.zones, key->owner()) == use.zones.end()) {
        return parse_error(word.at, fmt::format("key {} is of zone {}, which is none of the zones "
                                                "to sign",
                                                path, key->owner().str()));
    }
    use.keys.push_back(std::move(*key));
    return {};
}

/// Keys of the zones by the names that dnssec-keygen gives them.
Result<void> take_key_directory(const Token& word, const std::string& path, Use& use) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator at(path, error); !error && at != fs::end(at); at.increment(error)) {
        const auto name = at->path().filename().string();
        const auto fits = [&](const Name& zone) {
            return name.starts_with(fmt::format("K{}+", zone.str()));
        };
        if (name.ends_with(".key") && std::ranges::any_of(use.zones, fits)) {
            found.push_back(at->path().string());
        }
    }
    if (error) return parse_error(word.at, fmt::format("{}: {}", path, error.message()));
    if (found.empty()) {
        return parse_error(word.at, fmt::format("{}: no keys K{}+ALGORITHM+TAG.key", path,
                                                use.zones.front().str()));
    }
    std::ranges::sort(found);
    for (const auto& name : found) {
        if (auto taken = take_key(word, name, use); !taken) return taken;
    }
    return {};
}

Result<void> take_keys(const Setup& setup, Dispenser& d, Use& use) {
    const auto words = d.remaining_tokens();
    if (words.size() < 2) return d.arg_err();
    const bool directory = words[0].text == "directory";
    if (!directory && words[0].text != "file") {
        return parse_error(words[0].at,
                           fmt::format("'{}' instead of 'file' or 'directory'", words[0].text));
    }
    for (size_t i = 1; i < words.size(); i++) {
        const auto path = setup.path(words[i].text);
        const auto taken =
            directory ? take_key_directory(words[i], path, use) : take_key(words[i], path, use);
        if (!taken) return taken;
    }
    return {};
}

Result<Use> read_use(Setup& setup) {
    auto& d = setup.tokens();
    Use use;
    if (!d.next_arg()) return d.arg_err();
    use.from = setup.path(d.val());
    auto zones = setup.zones_or_own(d.remaining_tokens());
    if (!zones) return tl::unexpected(zones.error());
    use.zones = std::move(*zones);
    OptionTable options;
    options.custom({"key", "file KEY...|directory DIR...", "",
                    "Keys as dnssec-keygen writes them, or where they are.",
                    [&](Dispenser& in) { return take_keys(setup, in, use); }});
    options.text("directory", "DIR", use.directory, "Where the signed zone files are written.");
    if (auto read = options.read_block(d); !read) return tl::unexpected(read.error());
    use.directory = setup.path(use.directory);
    if (use.keys.empty()) return setup.error("no keys; write 'key file KEY...'");
    return use;
}

/// The keys of one of the zones; an error if there are none.
Result<std::vector<SigningKey>> keys_of(const Setup& setup, const Use& use, const Name& zone) {
    std::vector<SigningKey> out;
    for (const auto& key : use.keys) {
        if (key.owner() == zone) out.push_back(key);
    }
    if (out.empty()) return setup.error(fmt::format("no key of zone {}", zone.str()));
    return out;
}

}  // namespace

Result<void> setup_sign(Setup& setup) {
    std::vector<std::shared_ptr<SignedFile>> files;
    while (setup.tokens().next()) {
        auto use = read_use(setup);
        if (!use) return tl::unexpected(use.error());
        if (!fs::is_directory(use->directory)) {
            setup.warn(
                fmt::format("directory {} is not there: nothing can be signed; make it, and "
                            "restart the server",
                            use->directory));
        }
        setup.process().writable.push_back(use->directory);
        for (const auto& zone : use->zones) {
            auto keys = keys_of(setup, *use, zone);
            if (!keys) return tl::unexpected(keys.error());
            files.push_back(
                std::make_shared<SignedFile>(zone, use->from, use->directory, std::move(*keys)));
        }
    }
    setup.process().services.emplace_back(
        [files](run::Loop& loop) { return std::make_unique<SignService>(files, loop); });
    return {};
}

}  // namespace ipref::resolver
