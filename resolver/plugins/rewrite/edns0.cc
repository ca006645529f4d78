// SPDX-License-Identifier: GPL-2.0-or-later
// Rules that change the query's EDNS options, for those who are asked next. They never show in the
// answer: a server does not send options that the client has not asked for.
#include <algorithm>
#include <charconv>

#include "common/dns/wire_message.h"
#include "resolver/plugins/rewrite/rule.h"

namespace ipref::resolver::rewrite {

namespace {

using Words = std::vector<std::string>;
using Octets = std::vector<uint8_t>;
constexpr size_t kMostOptions = 4096;  // bytes of all options of a query

enum class Action : uint8_t { set, append, replace };

std::optional<Action> parse_action(std::string_view word) {
    if (word == "set") return Action::set;
    if (word == "append") return Action::append;
    if (word == "replace") return Action::replace;
    return std::nullopt;
}

struct Option {
    uint16_t code;
    Bytes data;
};

std::vector<Option> options_of(Bytes all) {
    std::vector<Option> out;
    while (all.size() >= 4) {
        const size_t size = static_cast<size_t>(all[2] << 8 | all[3]);
        if (size > all.size() - 4) break;
        out.push_back({static_cast<uint16_t>(all[0] << 8 | all[1]), all.subspan(4, size)});
        all = all.subspan(4 + size);
    }
    return out;
}

/// Puts the option into the query.
void put(Query& q, Action action, uint16_t code, Bytes data) {
    auto& edns = q.request.edns;
    auto options = options_of(edns.options);
    const auto old = std::find_if(options.begin(), options.end(),
                                  [&](const Option& option) { return option.code == code; });
    if (old != options.end() && action != Action::append) {
        old->data = data;
    } else if (action != Action::replace) {
        options.push_back({code, data});
    }
    Octets all;
    for (const auto& option : options) dns::append_option(all, option.code, option.data);
    if (all.size() > kMostOptions) return;
    if (!edns.present) edns.udp_size = dns::kEdnsUdpSize;
    edns.present = true;
    edns.options = q.arena().copy(all);
}

/// What an option is made of for a query; nothing: the rule does nothing.
class Data {
  public:
    virtual ~Data() = default;
    virtual std::optional<Octets> of(const Query& q) const = 0;
};

class Fixed final : public Data {
  public:
    explicit Fixed(Octets data) : data_(std::move(data)) {}
    std::optional<Octets> of(const Query&) const override { return data_; }

  private:
    Octets data_;
};

Octets octets(std::string_view text) {
    return {text.begin(), text.end()};
}
Octets octets(Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}
Octets octets(uint16_t number) {
    return {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
}

struct Variable {
    std::string_view name;
    Octets (*get)(const Request&);
};
constexpr Variable kVariables[] = {
    {"qname", [](const Request& r) { return octets(r.lower.str()); }},
    {"qtype", [](const Request& r) { return octets(r.type); }},
    {"client_ip", [](const Request& r) { return octets(r.client.ip.bytes()); }},
    {"client_port", [](const Request& r) { return octets(r.client.port); }},
    {"protocol",
     [](const Request& r) { return octets(std::string_view(r.is_udp() ? "udp" : "tcp")); }},
    {"server_ip", [](const Request& r) { return octets(r.local.ip.bytes()); }},
    {"server_port", [](const Request& r) { return octets(r.local.port); }},
};

class OfVariable final : public Data {
  public:
    explicit OfVariable(const Variable& variable) : variable_(variable) {}
    std::optional<Octets> of(const Query& q) const override { return variable_.get(q.request); }

  private:
    const Variable& variable_;
};

class OfMetadata final : public Data {
  public:
    explicit OfMetadata(std::string label) : label_(std::move(label)) {}
    std::optional<Octets> of(const Query& q) const override {
        const auto value = q.metadata(label_);
        return value.empty() ? std::nullopt : std::optional(octets(value));
    }

  private:
    std::string label_;
};

/// The client's network (RFC 7871).
class Subnet final : public Data {
  public:
    Subnet(uint8_t v4_bits, uint8_t v6_bits) : v4_bits_(v4_bits), v6_bits_(v6_bits) {}
    std::optional<Octets> of(const Query& q) const override {
        const auto& ip = q.request.client.ip;
        const uint8_t bits = ip.is_v4() ? v4_bits_ : v6_bits_;
        Octets out = {0, static_cast<uint8_t>(ip.is_v4() ? 1 : 2), bits, 0};
        const net::Cidr net(ip, bits);
        const auto bytes = net.ip().bytes().first((bits + 7U) / 8);
        out.insert(out.end(), bytes.begin(), bytes.end());
        return out;
    }

  private:
    uint8_t v4_bits_, v6_bits_;
};

class OptionRule final : public Rule {
  public:
    OptionRule(Action action, uint16_t code, std::unique_ptr<Data> data)
        : action_(action), code_(code), data_(std::move(data)) {}
    bool apply(Query& q, Pending&) const override {
        const auto data = data_->of(q);
        if (!data) return false;
        put(q, action_, code_, *data);
        return true;
    }

  private:
    Action action_;
    uint16_t code_;
    std::unique_ptr<Data> data_;
};

std::optional<uint16_t> parse_number(std::string_view text, int most) {
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    int value = 0;
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value, hex ? 16 : 10);
    const bool good = error == std::errc() && at == end && value >= 0 && value <= most;
    return good ? std::optional(static_cast<uint16_t>(value)) : std::nullopt;
}

Result<Octets> parse_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail("an odd number of hexadecimal digits: 0x{}", text);
    Octets out;
    for (size_t i = 0; i < text.size(); i += 2) {
        const auto byte = parse_number("0x" + std::string(text.substr(i, 2)), 0xff);
        if (!byte) return fail("invalid hexadecimal data: 0x{}", text);
        out.push_back(static_cast<uint8_t>(*byte));
    }
    return out;
}

Result<std::unique_ptr<Data>> parse_data(const std::string& text) {
    if (text.starts_with("0x")) {
        auto hex = parse_hex(std::string_view(text).substr(2));
        if (!hex) return tl::unexpected(hex.error());
        return std::make_unique<Fixed>(std::move(*hex));
    }
    if (!text.starts_with('{') || !text.ends_with('}')) {
        return std::make_unique<Fixed>(octets(std::string_view(text)));
    }
    const auto name = text.substr(1, text.size() - 2);
    for (const auto& variable : kVariables) {
        if (variable.name == name) return std::make_unique<OfVariable>(variable);
    }
    if (name.find('/') == std::string::npos) {
        return fail(
            "unsupported variable name \"{}\"; there are {{qname}}, {{qtype}}, "
            "{{client_ip}}, {{client_port}}, {{protocol}}, {{server_ip}}, {{server_port}} "
            "and labels of metadata, as {{view/name}}",
            name);
    }
    return std::make_unique<OfMetadata>(name);
}

Result<std::unique_ptr<Rule>> parse_local(Action action, const Words& operands) {
    if (operands.size() != 2) return fail("edns0 local rules have a code and data");
    const auto code = parse_number(operands[0], 0xffff);
    if (!code) return fail("invalid option code \"{}\"", operands[0]);
    auto data = parse_data(operands[1]);
    if (!data) return tl::unexpected(data.error());
    return std::make_unique<OptionRule>(action, *code, std::move(*data));
}

Result<std::unique_ptr<Rule>> parse_subnet(Action action, const Words& operands) {
    if (operands.size() != 2) return fail("edns0 subnet rules have two mask lengths");
    const auto v4 = parse_number(operands[0], 32);
    if (!v4) return fail("invalid IPv4 bit mask length {}", operands[0]);
    const auto v6 = parse_number(operands[1], 128);
    if (!v6) return fail("invalid IPv6 bit mask length {}", operands[1]);
    return std::make_unique<OptionRule>(
        action, dns::option::kSubnet,
        std::make_unique<Subnet>(static_cast<uint8_t>(*v4), static_cast<uint8_t>(*v6)));
}

}  // namespace

Result<std::unique_ptr<Rule>> parse_edns0_rule(const Words& words) {
    if (words.size() < 2) return fail("too few arguments for an EDNS0 rule");
    const auto action = parse_action(words[1]);
    if (!action) return fail("invalid action \"{}\"; there are set, append and replace", words[1]);
    Words operands(words.begin() + 2, words.end());
    // Options are taken off again in any case.
    if (!operands.empty() && operands.back() == "revert") operands.pop_back();
    if (words[0] == "local") return parse_local(*action, operands);
    if (words[0] == "subnet") return parse_subnet(*action, operands);
    if (words[0] != "nsid") {
        return fail("invalid rule type \"{}\"; there are local, nsid and subnet", words[0]);
    }
    if (!operands.empty()) return fail("edns0 NSID rules can not have operands");
    return std::make_unique<OptionRule>(*action, dns::option::kNsid,
                                        std::make_unique<Fixed>(Octets()));
}

}  // namespace ipref::resolver::rewrite
