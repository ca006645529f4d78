// SPDX-License-Identifier: GPL-2.0-or-later
// The gateways that the packet vectors were recorded of: lines of {"type":"config"}.
#pragma once

#include <memory>

#include "gw/datapath/translate/settings.h"
#include "vectors/static_lookup.h"
#include "vectors/vector_file.h"

namespace ipref::test {

/// A throw here makes the file unusable, with the words of the error.
template <typename T>
T need(const Result<T>& result) {
    if (!result) throw std::runtime_error(result.error().text);
    return *result;
}

inline net::Ip ip_of(const Json& line, const char* key) {
    return need(net::Ip::parse(line.at(key).get<std::string>()));
}
inline net::IpRef ipref_of(const Json& line) {
    return {ip_of(line, "gw"), need(net::Ref::parse(line.at("ref").get<std::string>()))};
}

struct RecordedGateway {
    gw::Settings settings;
    StaticLookup lookup;
};

inline std::unique_ptr<RecordedGateway> recorded_gateway(const Json& line) {
    auto gateway = std::make_unique<RecordedGateway>();
    auto& settings = gateway->settings;
    const auto net = need(net::Cidr::parse(line.at("encode_net").get<std::string>()));
    (net.family() == net::Family::v4 ? settings.ea4 : settings.ea6) = gw::encode_net(net);
    const auto pub = ip_of(line, "gateway_pub");
    (pub.is_v4() ? settings.pub4 : settings.pub6) = pub;
    settings.gateway_ref = need(net::Ref::parse(line.at("gateway_ref").get<std::string>()));
    for (const auto& ours : line.at("ours")) {
        gateway->lookup.add_ours(ip_of(ours, "ip"), ipref_of(ours));
    }
    for (const auto& theirs : line.at("theirs")) {
        gateway->lookup.add_theirs(ip_of(theirs, "ea"), ipref_of(theirs));
    }
    return gateway;
}

}  // namespace ipref::test
