// SPDX-License-Identifier: GPL-2.0-or-later
// DNS messages of a zone transfer, for tests.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "common/dns/wire_message.h"

namespace ipref::test {

inline dns::Name dns_name(const std::string& text) {
    return dns::Name::parse(text).value();
}

inline dns::Record soa_record(const std::string& zone, uint32_t serial) {
    std::vector<uint8_t> rdata = {0, 0};  // both names the root
    for (const uint32_t number : {serial, 3600u, 600u, 86400u, 300u}) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            rdata.push_back(static_cast<uint8_t>(number >> shift));
        }
    }
    return {dns_name(zone), dns::rr::kSoa, dns::klass::kIn, 300, rdata};
}

inline dns::Record txt_record(const std::string& owner, const std::string& text) {
    std::vector<uint8_t> rdata = {static_cast<uint8_t>(text.size())};
    rdata.insert(rdata.end(), text.begin(), text.end());
    return {dns_name(owner), dns::rr::kTxt, dns::klass::kIn, 300, rdata};
}

inline dns::Record a_record(const std::string& owner, const net::Ip& ip) {
    const auto bytes = ip.bytes();
    return {dns_name(owner),
            ip.is_v4() ? dns::rr::kA : dns::rr::kAaaa,
            dns::klass::kIn,
            300,
            {bytes.begin(), bytes.end()}};
}

/// A message of a transfer of example.com, with its two bytes of length in front.
struct AxfrMessage {
    std::vector<dns::Record> records;
    uint16_t id = 7;
    uint16_t flags = dns::flag::kQr | dns::flag::kAa;
    bool question = true;
    std::string zone = "example.com";
    uint16_t type = dns::rr::kAxfr;

    std::vector<uint8_t> bytes() const {
        std::vector<uint8_t> space(65535);
        dns::MessageWriter writer(space);
        if (question) writer.question({dns_name(zone), type, dns::klass::kIn});
        for (const auto& record : records) writer.record(dns::Section::answer, record);
        const auto message = writer.finish(id, flags);
        std::vector<uint8_t> out = {static_cast<uint8_t>(message.size() >> 8),
                                    static_cast<uint8_t>(message.size())};
        out.insert(out.end(), message.begin(), message.end());
        return out;
    }
};

}  // namespace ipref::test
