// SPDX-License-Identifier: GPL-2.0-or-later
// Keys as the command line and files give them.
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/dns/tsig.h"

namespace ipref::dns {

namespace {

constexpr size_t kMostText = 1024;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<std::vector<uint8_t>> parse_tsig_secret(std::string_view text) {
    constexpr std::string_view kAllowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto body = text.substr(0, text.find_last_not_of('=') + 1);
    const size_t padding = text.size() - body.size();
    if (text.empty() || text.size() % 4 != 0 || padding > 2 ||
        body.find_first_not_of(kAllowed) != std::string_view::npos) {
        return fail("it does not hold one line of base64");
    }
    std::vector<uint8_t> out(text.size() / 4 * 3);
    EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
    out.resize(out.size() - padding);
    return out;
}

namespace {

Result<std::string> read_private(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail("{}", std::strerror(errno));
    struct Closer {
        int fd;
        ~Closer() { close(fd); }
    } const closer{fd};
    struct stat status {};
    if (fstat(fd, &status) != 0) return fail("{}", std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail("it is no file");
    if ((status.st_mode & 07) != 0) {
        return fail("everybody may use it (mode {:04o}); chmod 0640 it", status.st_mode & 07777);
    }
    std::array<char, kMostText + 1> space;
    const auto size = read(fd, space.data(), space.size());
    if (size < 0) return fail("{}", std::strerror(errno));
    if (static_cast<size_t>(size) > kMostText) return fail("more than {} bytes", kMostText);
    return std::string(space.data(), static_cast<size_t>(size));
}

}  // namespace

Result<std::vector<uint8_t>> read_tsig_secret(const std::string& path) {
    auto text = read_private(path);
    if (!text) return fail("secret file {}: {}", path, text.error().text);
    auto secret = parse_tsig_secret(trimmed(*text));
    if (!secret) return fail("secret file {}: {}", path, secret.error().text);
    if (secret->size() < kLeastTsigSecret) {
        return fail("secret file {}: the secret has {} bytes, at least {} are needed", path,
                    secret->size(), kLeastTsigSecret);
    }
    return secret;
}

Result<TsigKey> parse_tsig(std::string_view text) {
    const auto first = text.find(':');
    const auto second = text.find(':', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) {
        return fail("\"{}\": write NAME:ALG:SECRET-FILE", text);
    }
    auto name = Name::parse(text.substr(0, first));
    if (!name) return fail("key name \"{}\": {}", text.substr(0, first), name.error().text);
    if (name->is_root()) return fail("\"{}\": the key has no name", text);
    const auto algorithm = parse_tsig_algorithm(text.substr(first + 1, second - first - 1));
    if (!algorithm) return tl::unexpected(algorithm.error());
    auto secret = read_tsig_secret(std::string(text.substr(second + 1)));
    if (!secret) return tl::unexpected(secret.error());
    return TsigKey{*name, *algorithm, std::move(*secret)};
}

}  // namespace ipref::dns
