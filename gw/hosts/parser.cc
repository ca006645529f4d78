// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/hosts/parser.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ipref::gw {

namespace {

constexpr size_t kMostErrors = 1000;
constexpr size_t kMostBytes = size_t{64} << 20;
constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view trim(std::string_view text) {
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// The first word, taken off `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
    text = trim(text);
    const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    text = trim(text.substr(word.size()));
    return word;
}

/// As an error shows it: not longer than a line.
std::string_view shown(std::string_view word) {
    return word.substr(0, 80);
}

enum class Kind : uint8_t { ours, theirs, local_only, unknown };

Kind kind_of(std::string_view word) {
    if (word == "pub" || word == "public") return Kind::ours;
    if (word == "ext" || word == "external") return Kind::theirs;
    if (word == "loc" || word == "local") return Kind::local_only;
    return Kind::unknown;
}

/// `[gw] + ref`, or a ref alone.
struct Target {
    std::string_view gw;  ///< empty: omitted
    std::string_view ref;
};

Result<Target> split_target(std::string_view text) {
    Target target;
    const size_t plus = text.find('+');
    if (plus == std::string_view::npos) {
        target.ref = next_word(text);
    } else {
        std::string_view before = text.substr(0, plus);
        target.gw = next_word(before);
        if (!before.empty()) return fail("more than one word before \"+\": \"{}\"", shown(before));
        text = text.substr(plus + 1);
        target.ref = next_word(text);
    }
    if (target.ref.empty()) return fail("missing ref: write \"[gateway] + ref\"");
    if (!text.empty()) {
        return fail("\"{}\" after the ref: write \"[gateway] + ref\"", shown(text));
    }
    return target;
}

class Parser {
  public:
    Parser(std::string_view name, const MappingConfig& config) : name_(name), config_(config) {}

    void line(std::string_view text, size_t number) {
        const size_t mark = text.find('#');
        if (mark == std::string_view::npos || text.substr(mark, 2) != "#=") return;
        std::string_view hosts = text.substr(0, mark);
        const std::string_view address = next_word(hosts);
        if (address.empty()) return;  // a comment such as #=====
        std::string_view part = text.substr(mark + 2);
        part = part.substr(0, part.find('#'));  // a comment after it
        if (auto done = entry(address, part); !done) {
            error(fmt::format("{}:{}: {}; the line is left out", name_, number, done.error().text));
        }
    }

    HostsFile take() {
        if (left_out_ > 0) {
            out_.errors.push_back(fmt::format("{}: {} more lines with errors", name_, left_out_));
        }
        return std::move(out_);
    }

  private:
    Result<void> entry(std::string_view address, std::string_view part) {
        const std::string_view word = next_word(part);
        const Kind kind = kind_of(word);
        if (kind == Kind::unknown) {
            return fail("unknown type \"{}\" after #=: write pub, ext or loc", shown(word));
        }
        if (kind == Kind::local_only) return {};
        const auto ip = net::Ip::parse(address);
        if (!ip) return fail("bad IP address \"{}\"", shown(address));
        const auto target = split_target(part);
        if (!target) return tl::unexpected(target.error());
        const auto ref = net::Ref::parse(target->ref);
        if (!ref) return fail("bad ref \"{}\": {}", shown(target->ref), shown(ref.error().text));
        const auto gw = gateway(target->gw);
        if (!gw) return tl::unexpected(gw.error());
        return kind == Kind::ours ? ours(*ip, *gw, *ref) : theirs(*ip, *gw, *ref);
    }

    /// None if the word is empty.
    Result<std::optional<net::Ip>> gateway(std::string_view word) const {
        if (word.empty()) return std::nullopt;
        const auto gw = net::Ip::parse(word);
        if (!gw) return fail("bad gateway address \"{}\"", shown(word));
        if (!gw->is_global_unicast()) {
            return fail("gateway {} is not a unicast address", gw->str());
        }
        if (config_.in_encode_net(*gw)) {
            return fail("gateway {} is inside the encode network", gw->str());
        }
        if (config_.gateway(gw->family()) == nullptr) {
            return fail("gateway {} is of the wrong family: this gateway has no IPv{} address",
                        gw->str(), static_cast<int>(gw->family()));
        }
        return *gw;
    }

    Result<void> family(const net::Ip& ip) const {
        if (config_.encode_net(ip.family()) != nullptr) return {};
        return fail("address {} is of the wrong family: this gateway has no IPv{} encode network",
                    ip.str(), static_cast<int>(ip.family()));
    }

    Result<void> ours(const net::Ip& ip, const std::optional<net::Ip>& gw, const net::Ref& ref) {
        if (auto right = family(ip); !right) return right;
        if (config_.in_encode_net(ip)) {
            return fail("address {} of a local host is inside the encode network", ip.str());
        }
        if (!ip.is_global_unicast()) return fail("address {} is not a unicast address", ip.str());
        if (gw) {
            out_.mappings.push_back({Relation::local, ip, {*gw, ref}});
            return {};
        }
        for (const auto& own : config_.gateways) {
            out_.mappings.push_back({Relation::local, ip, {own, ref}});
        }
        return {};
    }

    Result<void> theirs(const net::Ip& ea, const std::optional<net::Ip>& gw, const net::Ref& ref) {
        if (auto right = family(ea); !right) return right;
        if (!gw) return fail("missing gateway: write \"ext GATEWAY + ref\"");
        const net::Cidr& net = *config_.encode_net(ea.family());
        if (!net.contains(ea)) {
            return fail("encoded address {} is outside the encode network {}", ea.str(), net.str());
        }
        if (ea == MappingConfig::own_ea(net)) {
            return fail("encoded address {} is the gateway's own", ea.str());
        }
        out_.mappings.push_back({Relation::remote, ea, {*gw, ref}});
        return {};
    }

    void error(std::string text) {
        if (out_.errors.size() < kMostErrors) {
            out_.errors.push_back(std::move(text));
        } else {
            left_out_++;
        }
    }

    std::string_view name_;
    const MappingConfig& config_;
    HostsFile out_;
    size_t left_out_ = 0;
};

Result<std::string> read_file(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    if (fd < 0 || fstat(fd, &status) != 0) {
        const int error = errno;
        if (fd >= 0) close(fd);
        return fail("{}: {}", path, std::strerror(error));
    }
    std::string text;
    std::string problem;
    if (!S_ISREG(status.st_mode)) problem = "not a file";
    while (problem.empty()) {
        const size_t size = text.size();
        text.resize(size + (size_t{64} << 10));
        const ssize_t got = read(fd, text.data() + size, text.size() - size);
        text.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno != EINTR) problem = std::strerror(errno);
        if (got == 0) break;
        if (text.size() > kMostBytes) problem = "larger than 64 MB";
    }
    close(fd);
    if (!problem.empty()) return fail("{}: {}", path, problem);
    return text;
}

}  // namespace

HostsFile parse_hosts(std::string_view text, std::string_view name, const MappingConfig& config) {
    Parser parser(name, config);
    for (size_t number = 1; !text.empty(); number++) {
        const size_t end = std::min(text.find('\n'), text.size());
        parser.line(text.substr(0, end), number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parser.take();
}

Result<HostsFile> read_hosts(const std::string& path, const MappingConfig& config) {
    const auto text = read_file(path);
    if (!text) return tl::unexpected(text.error());
    return parse_hosts(*text, path, config);
}

}  // namespace ipref::gw
