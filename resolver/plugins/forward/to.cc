// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/to.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

#include "common/dns/resolver.h"
#include "common/run/loop.h"
#include "common/words.h"

namespace ipref::resolver::forward {

namespace {

constexpr uint16_t kPort = 53;
constexpr uint16_t kTlsPort = 853;
constexpr uint16_t kHttpsPort = 443;
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kDefaultPath = "/dns-query";

/// Letters, digits, dashes and dots, with a letter in the last label: no mistyped address.
bool is_host_name(std::string_view text) {
    const auto fine = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
    };
    while (text.ends_with('.')) text.remove_suffix(1);
    const auto last = text.substr(text.rfind('.') + 1);
    const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
    return std::ranges::all_of(text, fine) && std::ranges::any_of(last, letter) &&
           dns::Name::parse(text).has_value();
}

/// ADDRESS or NAME, with or without a port.
std::optional<To> parse_place(std::string_view text, uint16_t port) {
    To to;
    if (const auto ip = net::Ip::parse(text)) {
        to.at = {*ip, port};
        return to;
    }
    if (const auto at = net::Endpoint::parse(text, port)) {
        to.at = *at;
        return at->port == 0 ? std::nullopt : std::optional(to);
    }
    const auto colon = text.rfind(':');
    to.host = text.substr(0, colon);
    if (!is_host_name(to.host)) return std::nullopt;
    // The port is read as that of any address.
    const auto any = "0.0.0.0" + std::string(colon == text.npos ? "" : text.substr(colon));
    const auto at = net::Endpoint::parse(any, port);
    if (!at || at->port == 0) return std::nullopt;
    to.at = *at;
    return to;
}

/// PLACE[%NAME]; with a port "ADDRESS%NAME" comes first.
Result<To> parse_tls(std::string_view word, std::string_view rest, uint16_t port) {
    std::string place(rest);
    std::string tls_name;
    if (const auto percent = rest.find('%'); percent != rest.npos) {
        const auto name = rest.substr(percent + 1);
        const auto colon = name.find(':');
        tls_name = name.substr(0, colon);
        place = rest.substr(0, percent);
        if (colon != name.npos) place += name.substr(colon);
        if (tls_name.empty() || !dns::Name::parse(tls_name)) {
            return fail("\"{}\": no host name behind the \"%\"", word);
        }
    }
    auto to = parse_place(place, port);
    if (!to) return fail("not an IP address: \"{}\"", word);
    to->tls = true;
    to->tls_name = std::move(tls_name);
    return std::move(*to);
}

/// PLACE[%NAME][/PATH], of an https:// URL.
Result<To> parse_https(std::string_view word, std::string_view rest) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const std::string path(rest.substr(slash));
    const auto odd = [](char c) { return c <= ' ' || c > '~' || c == '#'; };
    if (std::ranges::any_of(path, odd)) return fail("\"{}\": not a path: {}", word, path);
    auto to = parse_tls(word, rest.substr(0, slash), kHttpsPort);
    if (!to) return to;
    auto authority = !to->tls_name.empty() ? to->tls_name
                     : !to->host.empty()   ? to->host
                     : to->at.ip.is_v4()   ? to->at.ip.str()
                                           : fmt::format("[{}]", to->at.ip.str());
    if (to->at.port != kHttpsPort) authority += fmt::format(":{}", to->at.port);
    to->doh = {std::move(authority), path.empty() ? std::string(kDefaultPath) : path};
    return to;
}

/// A word without a scheme: an address, a file, or a host name.
Result<std::vector<To>> parse_plain(std::string_view word, const std::string& path) {
    const auto place = parse_place(word, kPort);
    if (place && place->host.empty()) return std::vector{*place};
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        if (place) return std::vector{*place};
        return fail("not an IP address or file: \"{}\"", word);
    }
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    std::vector<To> servers;
    for (const auto& at : parse_resolv_conf(text)) servers.emplace_back().at = at;
    if (servers.empty()) return fail("no nameserver line with an address in file \"{}\"", path);
    return servers;
}

Result<std::vector<To>> parse_word(std::string_view word, const std::string& path) {
    const auto end = word.find("://");
    if (end == word.npos) return parse_plain(word, path);
    const auto scheme = word.substr(0, end);
    const auto rest = word.substr(end + 3);
    auto to = scheme == "tls"     ? parse_tls(word, rest, kTlsPort)
              : scheme == "https" ? parse_https(word, rest)
                                  : Result<To>(fail(""));
    if (scheme == "dns") {
        const auto place = parse_place(rest, kPort);
        to = place ? Result<To>(*place) : fail("not an IP address: \"{}\"", word);
    } else if (scheme != "tls" && scheme != "https") {
        return fail(
            "\"{}\": forwarding over {} is not built in; use an address, dns://, tls:// or "
            "https://",
            word, scheme);
    }
    if (!to) return tl::unexpected(to.error());
    return std::vector{std::move(*to)};
}

/// The addresses of one host.
struct Found {
    std::vector<net::Ip> ips;
    std::string error;
};

}  // namespace

std::string To::str() const {
    if (doh) return fmt::format("https://{}{}", at.str(), doh->path);
    return (tls ? "tls://" : "") + at.str();
}

Result<std::vector<To>> parse_to(std::string_view word, const std::string& path) {
    auto all = parse_word(word, path);
    if (all) {
        for (auto& to : *all) to.word = word;
    }
    return all;
}

std::vector<net::Endpoint> parse_resolv_conf(std::string_view text) {
    std::vector<net::Endpoint> servers;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (take_word(line, kBlanks) != "nameserver") continue;
        const auto ip = net::Ip::parse(take_word(line, kBlanks));
        if (ip) servers.push_back({*ip, kPort});
    }
    return servers;
}

Result<std::vector<To>> look_up_hosts(const std::vector<To>& all,
                                      const std::vector<net::Endpoint>& servers) {
    const auto named = [](const To& to) { return !to.host.empty(); };
    if (std::ranges::none_of(all, named)) return all;
    run::Loop loop;
    dns::ResolverOptions options;
    options.servers = servers;
    options.timeout = run::Milliseconds(1'500);
    options.tries = 1;
    auto resolver = dns::Resolver::make(loop, options);
    if (!resolver) return tl::unexpected(resolver.error());
    std::vector<Found> found(all.size());
    size_t waiting = 0;
    for (size_t i = 0; i < all.size(); i++) {
        if (all[i].host.empty()) continue;
        for (const uint16_t type : {dns::rr::kA, dns::rr::kAaaa}) {
            waiting++;
            (*resolver)->query(*dns::Name::parse(all[i].host), type, [&, i](auto answer) {
                if (answer) {
                    const auto ips = answer->ips();
                    found[i].ips.insert(found[i].ips.end(), ips.begin(), ips.end());
                } else {
                    found[i].error = answer.error().text;
                }
                if (--waiting == 0) loop.stop();
            });
        }
    }
    loop.run();
    std::vector<To> out;
    for (size_t i = 0; i < all.size(); i++) {
        if (all[i].host.empty()) {
            out.push_back(all[i]);
            continue;
        }
        if (found[i].ips.empty()) {
            return fail("not an IP address or file: \"{}\"; as a host name: {}", all[i].word,
                        found[i].error.empty() ? "no addresses found" : found[i].error);
        }
        for (const auto& ip : found[i].ips) {
            auto to = all[i];
            to.at.ip = ip;
            const auto same = [&](const To& other) { return other.str() == to.str(); };
            if (std::ranges::none_of(out, same)) out.push_back(std::move(to));
        }
    }
    return out;
}

}  // namespace ipref::resolver::forward
