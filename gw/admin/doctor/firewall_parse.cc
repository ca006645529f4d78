// SPDX-License-Identifier: GPL-2.0-or-later
// The listings of iptables(8) and nft(8).
#include <charconv>

#include "gw/admin/doctor/firewall.h"

namespace ipref::gw::admin {

namespace {

using Words = std::vector<std::string>;

/// Words of a line; quotes keep words together and go away, a ';' is a word of its own.
Words words_of(std::string_view line) {
    Words words;
    std::string word;
    bool quoted = false;
    const auto end_word = [&] {
        if (!word.empty()) words.push_back(std::exchange(word, {}));
    };
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted || (c != ' ' && c != '\t' && c != ';')) {
            word += c;
        } else {
            end_word();
            if (c == ';') words.emplace_back(";");
        }
    }
    end_word();
    return words;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        lines.push_back(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
    }
    return lines;
}

std::optional<net::Cidr> cidr_of(const std::string& text) {
    if (auto cidr = net::Cidr::parse(text)) return *cidr;
    const auto ip = net::Ip::parse(text);
    if (!ip) return std::nullopt;
    return net::Cidr(*ip, static_cast<unsigned>(ip->size() * 8));
}

/// "1045", "1000:2000" or "1000-2000".
std::optional<std::pair<uint16_t, uint16_t>> ports_of(const std::string& text) {
    const auto split = text.find_first_of(":-");
    const auto first = net::parse_port(text.substr(0, split));
    const auto last = split == std::string::npos ? first : net::parse_port(text.substr(split + 1));
    if (!first || !last) return std::nullopt;
    return std::pair(*first, *last);
}

Verdict verdict_of(std::string_view word) {
    if (word == "ACCEPT" || word == "accept") return Verdict::accept;
    if (word == "DROP" || word == "REJECT" || word == "drop" || word == "reject") {
        return Verdict::drop;
    }
    return Verdict::none;
}

bool is_verdict(std::string_view word) {
    return verdict_of(word) != Verdict::none || word == "RETURN" || word == "return";
}

/// One option of `-A CHAIN ...` with its value; false if it is not understood.
bool take_option(Rule& rule, const std::string& option, const std::string& value) {
    if (option == "-i") return rule.in = value, true;
    if (option == "-o") return rule.out = value, true;
    if (option == "-s") return (rule.source = cidr_of(value)).has_value();
    if (option == "-d") return (rule.destination = cidr_of(value)).has_value();
    if (option == "-p") return rule.protocol = value, true;
    if (option == "--dport") return (rule.ports = ports_of(value)).has_value();
    if (option == "-m") return value == "udp" || value == "tcp" || value == "comment";
    return option == "--comment" || option == "--reject-with";
}

Rule iptables_rule(const Words& words) {
    Rule rule;
    for (size_t i = 2; i < words.size(); i += 2) {
        // A negation, or another value of an option that is not known.
        if (!words[i].starts_with("-") || i + 1 == words.size()) {
            rule.unknown = true;
            i--;
            continue;
        }
        const auto& value = words[i + 1];
        if (words[i] != "-j" && words[i] != "-g") {
            rule.unknown |= !take_option(rule, words[i], value);
        } else if (is_verdict(value) || value == "LOG" || value == "MARK") {
            rule.verdict = verdict_of(value);
        } else {
            rule.jump = value;
        }
    }
    return rule;
}

/// The statements of one nft rule. What is not understood is passed over word by word.
Rule nft_rule(const Words& words, const std::string& table) {
    Rule rule;
    for (size_t i = 0; i < words.size(); i++) {
        const auto& word = words[i];
        const std::string next = i + 1 < words.size() ? words[i + 1] : "";
        const std::string after = i + 2 < words.size() ? words[i + 2] : "";
        const bool plain = !next.empty() && next != "{" && next != "!=";
        if ((word == "iifname" || word == "iif") && plain) {
            rule.in = words[++i];
        } else if ((word == "oifname" || word == "oif") && plain) {
            rule.out = words[++i];
        } else if ((word == "ip" || word == "ip6") && next == "saddr" && cidr_of(after)) {
            rule.source = cidr_of(words[i += 2]);
        } else if ((word == "ip" || word == "ip6") && next == "daddr" && cidr_of(after)) {
            rule.destination = cidr_of(words[i += 2]);
        } else if ((word == "udp" || word == "tcp") && next == "dport" && ports_of(after)) {
            rule.protocol = word;
            rule.ports = ports_of(words[i += 2]);
        } else if (word == "meta" && next == "l4proto" && !after.empty() && after != "{") {
            rule.protocol = words[i += 2];
        } else if (word == "counter") {
            i += next == "packets" ? 4 : 0;
        } else if (word == "comment") {
            i++;
        } else if ((word == "jump" || word == "goto") && plain) {
            rule.jump = table + " " + words[++i];
        } else if (is_verdict(word)) {
            rule.verdict = verdict_of(word);
            break;  // "reject with ..." says only how
        } else {
            rule.unknown = true;
        }
    }
    return rule;
}

/// "type filter hook forward priority filter; policy drop;"
void take_base(Chain& chain, const Words& words) {
    for (size_t i = 0; i + 1 < words.size(); i++) {
        if (words[i] == "hook") chain.hook = words[i + 1];
        if (words[i] == "policy") chain.policy = verdict_of(words[i + 1]);
    }
    if (words.size() > 1 && words[1] != "filter") chain.hook.clear();  // nat, route
    if (chain.policy == Verdict::none) chain.policy = Verdict::accept;
}

}  // namespace

Chains parse_iptables(std::string_view text) {
    Chains chains;
    for (const auto line : lines_of(text)) {
        const auto words = words_of(line);
        if (words.size() < 2) continue;
        auto& chain = chains[words[1]];
        if (words[0] == "-P" && words.size() > 2) chain.policy = verdict_of(words[2]);
        if (words[0] == "-A") chain.rules.push_back(iptables_rule(words));
    }
    return chains;
}

Chains parse_nft(std::string_view text, bool skip_iptables) {
    Chains chains;
    std::string table;
    Chain* chain = nullptr;
    bool managed = false;  // by iptables-nft: a comment before the table says so
    int depth = 0;         // of braces
    int chain_depth = 0;
    for (const auto line : lines_of(text)) {
        const auto words = words_of(line);
        if (words.empty()) continue;
        if (words[0] == "#") {
            managed = line.find("iptables-nft") != std::string_view::npos;
            continue;
        }
        const bool opens = words.back() == "{";
        if (words[0] == "table" && words.size() > 3 && opens) {
            table = managed && skip_iptables ? "" : words[1] + " " + words[2];
            managed = false;
        } else if (words[0] == "chain" && words.size() > 2 && opens && !table.empty()) {
            chain = &chains[table + " " + words[1]];
            chain->table = table;
            chain_depth = depth;
        } else if (chain != nullptr && words[0] == "type") {
            take_base(*chain, words);
        } else if (chain != nullptr && words[0] != "}") {
            chain->rules.push_back(nft_rule(words, table));
        }
        if (opens) depth++;
        if (words[0] == "}") depth--;
        if (words[0] == "}" && depth <= chain_depth) chain = nullptr;
    }
    return chains;
}

}  // namespace ipref::gw::admin
