// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks of a pcapng file: type, length, body, options, length again, all in multiples of 4 bytes.
#include <algorithm>

#include "common/net/checksum.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/show.h"
#include "gw/admin/trace.h"

namespace ipref::gw::admin {

namespace {

constexpr uint16_t kLinkRaw = 101;
constexpr uint16_t kEndOfOptions = 0, kComment = 1;
constexpr uint16_t kSectionApplication = 4;  // shb_userappl
constexpr uint16_t kInterfaceName = 2, kInterfaceDescription = 3, kInterfaceResolution = 9;
constexpr uint16_t kPacketFlags = 2, kPacketDropped = 4;  // epb_flags, epb_dropcount
constexpr uint16_t kStatisticsDropped = 5;                // isb_ifdrop
constexpr uint32_t kInbound = 1, kOutbound = 2;

class Block {
  public:
    explicit Block(uint32_t type) {
        u32(type);
        u32(0);  // the length, when it is known
    }
    Block& u8(uint8_t value) { return out_ += static_cast<char>(value), *this; }
    Block& u16(uint16_t value) { return number(value, 2); }
    Block& u32(uint32_t value) { return number(value, 4); }
    Block& u64(uint64_t value) { return number(value, 8); }
    Block& text(std::string_view bytes) {
        out_ += bytes;
        while (out_.size() % 4 != 0) out_ += '\0';
        return *this;
    }
    Block& option(uint16_t code, std::string_view value) {
        value = value.substr(0, UINT16_MAX);
        return u16(code).u16(static_cast<uint16_t>(value.size())).text(value);
    }
    Block& option32(uint16_t code, uint32_t value) { return u16(code).u16(4).u32(value); }
    Block& option64(uint16_t code, uint64_t value) { return u16(code).u16(8).u64(value); }
    std::string finish(bool options) {
        if (options) u16(kEndOfOptions).u16(0);
        const auto size = static_cast<uint32_t>(out_.size() + 4);
        u32(size);
        for (size_t i = 0; i < 4; i++) out_[4 + i] = static_cast<char>(size >> (8 * i));
        return std::move(out_);
    }

  private:
    Block& number(uint64_t value, size_t size) {
        for (size_t i = 0; i < size; i++) out_ += static_cast<char>(value >> (8 * i));
        return *this;
    }
    std::string out_;
};

void put16(std::string& out, size_t value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

std::string_view text_of(const net::Ip& ip) {
    return {reinterpret_cast<const char*>(ip.data()), ip.size()};
}

/// IP and UDP headers as they were on the wire, but for what the kernel chose by itself.
std::string outer_headers(const net::Endpoint& from, const net::Endpoint& to, size_t payload) {
    constexpr size_t kUdp = 8;
    constexpr char kProtocolUdp = 17;
    constexpr char kTtl = 64;
    std::string out;
    if (from.ip.is_v4()) {
        out += std::string("\x45\0", 2);
        put16(out, std::min<size_t>(UINT16_MAX, 20 + kUdp + payload));
        out += std::string("\0\0\x40\0", 4);
        out += {kTtl, kProtocolUdp, 0, 0};
        out += text_of(from.ip);
        out += text_of(to.ip);
        const auto* bytes = reinterpret_cast<const uint8_t*>(out.data());
        const uint16_t sum = net::Checksum().add({bytes, out.size()}).field();
        std::memcpy(out.data() + 10, &sum, sizeof sum);
    } else {
        out += std::string("\x60\0\0\0", 4);
        put16(out, std::min<size_t>(UINT16_MAX, kUdp + payload));
        out += {kProtocolUdp, kTtl};
        out += text_of(from.ip);
        out += text_of(to.ip);
    }
    put16(out, from.port);
    put16(out, to.port);
    put16(out, std::min<size_t>(UINT16_MAX, kUdp + payload));
    put16(out, 0);  // no checksum: it was checked, or is still to be made
    return out;
}

std::string headers_of(const proto::TraceEvent& event, const TunnelEnd& end) {
    const auto peer_ip = wire::ip_from(event.peer_ip()).value_or(net::Ip());
    const net::Endpoint peer{peer_ip, static_cast<uint16_t>(event.peer_port())};
    const net::Endpoint own{peer_ip.is_v4() ? end.ip4 : end.ip6, end.port};
    return event.inward() ? outer_headers(peer, own, event.length())
                          : outer_headers(own, peer, event.length());
}

std::string comment_of(const proto::TraceEvent& event) {
    std::string text;
    if (event.kind() == proto::TraceEvent::DROP) {
        text = fmt::format("dropped, {}: {}", harmless(event.reason()), harmless(event.text()));
        if (!event.error().empty()) text += fmt::format(" ({})", harmless(event.error()));
    }
    if (event.count() > 1) {
        text += fmt::format("{}the first of {} packets", text.empty() ? "" : "; ", event.count());
    }
    return text;
}

void put_interface(std::string& out, std::string_view name, std::string_view what, uint32_t snap) {
    constexpr std::string_view kNanoseconds("\x09", 1);
    out += Block(1)
               .u16(kLinkRaw)
               .u16(0)
               .u32(snap)
               .option(kInterfaceName, name)
               .option(kInterfaceDescription, what)
               .option(kInterfaceResolution, kNanoseconds)
               .finish(true);
}

}  // namespace

std::string pcapng_head(std::string_view program, std::string_view tun, uint32_t snap) {
    std::string out = Block(0x0a0d0d0a)
                          .u32(0x1a2b3c4d)
                          .u16(1)
                          .u16(0)
                          .u64(UINT64_MAX)
                          .option(kSectionApplication, program)
                          .finish(true);
    put_interface(out, tun, "IP packets of this site, at the TUN interface", snap);
    put_interface(out, "tunnel", "IPREF packets between gateways; IP and UDP headers are made up",
                  0);
    return out;
}

std::string pcapng_packet(const proto::TraceEvent& event, const TunnelEnd& end, uint64_t missed) {
    if (event.has_mapping() || event.packet().empty()) return {};
    const auto headers = event.tunnel() ? headers_of(event, end) : std::string();
    const auto comment = comment_of(event);
    Block block(6);
    block.u32(event.tunnel() ? 1 : 0);
    block.u32(static_cast<uint32_t>(event.nanoseconds() >> 32));
    block.u32(static_cast<uint32_t>(event.nanoseconds()));
    block.u32(static_cast<uint32_t>(headers.size() + event.packet().size()));
    block.u32(static_cast<uint32_t>(headers.size() + event.length()));
    block.text(headers + event.packet());
    // In or out as seen from this machine: what comes out of the tunnel comes in by the tunnel's
    // side, and goes out by the TUN's.
    const bool inbound = event.tunnel() == event.inward();
    block.option32(kPacketFlags, inbound ? kInbound : kOutbound);
    if (missed > 0) block.option64(kPacketDropped, missed);
    if (!comment.empty()) block.option(kComment, comment);
    return block.finish(true);
}

std::string pcapng_end(uint64_t nanoseconds, uint64_t missed) {
    return Block(5)
        .u32(0)
        .u32(static_cast<uint32_t>(nanoseconds >> 32))
        .u32(static_cast<uint32_t>(nanoseconds))
        .option64(kStatisticsDropped, missed)
        .finish(true);
}

}  // namespace ipref::gw::admin
