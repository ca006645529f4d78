// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "common/dns/types.h"
#include "resolver/plugins/view/expression.h"
#include "resolver/server/request.h"

namespace ipref::resolver::view {

namespace {

struct Function {
    std::string_view name;
    Type type;
    Value (*get)(const Request&);
};

std::string port_text(const net::Endpoint& at) {
    return std::to_string(at.port);
}

constexpr Function kFunctions[] = {
    {"client_ip", Type::text, [](const Request& r) { return Value(r.client.ip.str()); }},
    {"server_ip", Type::text, [](const Request& r) { return Value(r.local.ip.str()); }},
    {"port", Type::text, [](const Request& r) { return Value(port_text(r.client)); }},
    {"server_port", Type::text, [](const Request& r) { return Value(port_text(r.local)); }},
    {"name", Type::text, [](const Request& r) { return Value(r.lower.str()); }},
    {"type", Type::text, [](const Request& r) { return Value(dns::type_text(r.type)); }},
    {"class", Type::text, [](const Request& r) { return Value(dns::class_text(r.klass)); }},
    {"proto", Type::text,
     [](const Request& r) { return Value(std::string(r.is_udp() ? "udp" : "tcp")); }},
    {"size", Type::number,
     [](const Request& r) { return Value(static_cast<int64_t>(r.wire.size())); }},
    {"bufsize", Type::number,
     [](const Request& r) { return Value(static_cast<int64_t>(reply_limit(r))); }},
    {"id", Type::number, [](const Request& r) { return Value(static_cast<int64_t>(r.id)); }},
    {"opcode", Type::number,
     [](const Request& r) { return Value(static_cast<int64_t>(r.opcode)); }},
    {"do", Type::boolean, [](const Request& r) { return Value(r.edns.dnssec_ok); }},
};

class Call final : public Node {
  public:
    explicit Call(const Function& function) : function_(function) {}
    Type type() const override { return function_.type; }
    Value value(const Request& request) const override { return function_.get(request); }

  private:
    const Function& function_;
};

/// incidr(client_ip(), '192.0.2.0/24'), the prefix being a literal.
class InCidr final : public Node {
  public:
    InCidr(NodePtr address, const net::Cidr& net) : address_(std::move(address)), net_(net) {}
    Type type() const override { return Type::boolean; }
    Value value(const Request& request) const override {
        const auto ip = net::Ip::parse(std::get<std::string>(address_->value(request)));
        return ip && net_.contains(*ip);
    }

  private:
    NodePtr address_;
    net::Cidr net_;
};

/// Nothing has been published yet when a block is chosen.
class Metadata final : public Node {
  public:
    Type type() const override { return Type::text; }
    Value value(const Request&) const override { return std::string(); }
};

Result<NodePtr> make_incidr(const std::vector<NodePtr>& arguments) {
    if (arguments.size() != 2 || arguments[0]->type() != Type::text) {
        return fail("incidr takes an address and a prefix, as incidr(client_ip(), '10.0.0.0/8')");
    }
    const auto* text = arguments[1]->literal();
    const auto net = text == nullptr ? fail("") : net::Cidr::parse(*text);
    if (!net) return fail("the second argument of incidr is a prefix, as '10.0.0.0/8'");
    return std::make_shared<InCidr>(arguments[0], *net);
}

}  // namespace

Result<NodePtr> make_call(std::string_view name, std::vector<NodePtr> arguments) {
    if (name == "incidr") return make_incidr(arguments);
    if (name == "metadata") {
        if (arguments.size() != 1 || arguments[0]->type() != Type::text) {
            return fail("metadata takes a label, as metadata('view/name')");
        }
        return std::make_shared<Metadata>();
    }
    const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                     [&](const Function& f) { return f.name == name; });
    if (found == std::end(kFunctions)) return fail("unknown name {}", name);
    if (!arguments.empty()) return fail("{}() takes no arguments", name);
    return std::make_shared<Call>(*found);
}

}  // namespace ipref::resolver::view
