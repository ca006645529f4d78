// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/quote.h"

#include <algorithm>
#include <cstring>

#include "common/wire/cursor.h"
#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/translate/sides.h"

namespace ipref::gw {

namespace {

using net::Checksum;
using net::Family;
using net::Ip;
using wire::Writer;
using Bad = std::optional<DropReason>;

/// A quoted packet after its header was read and looked up, before the new one is written.
struct Quoted {
    uint8_t protocol = 0;  // as in the tunnel
    std::optional<wire::Fragment> fragment;
    Bytes segment;
    size_t length = 0;       // of the segment before the quote was cut
    size_t header_size = 0;  // of the new header
    Checksum addresses;      // change of the pseudo-header of TCP and UDP
    Checksum icmp;           // change of ICMP's, without the type
};

DropReason inner_reason(DropReason reason) {
    return reason == DropReason::ip_truncated ? reason : DropReason::icmp_inner_malformed;
}

/// The quote without extensions behind it; `words` is where the length attribute stands and
/// `unit` what it counts (RFC 4884 section 3).
Bytes without_extensions(Bytes message, size_t attribute, size_t unit) {
    const Bytes quote = message.subspan(kIcmpHeader);
    const size_t length = message[attribute] * unit;
    return quote.first(std::min({quote.size(), length == 0 ? quote.size() : length, kMaxQuote}));
}

/// From the local side into the tunnel.
class IntoTunnel {
  public:
    IntoTunnel(Family ea, const Translation& context, Plan& plan)
        : ea_(ea), context_(&context), plan_(&plan) {}

    IcmpSide from() const { return icmp_side(ea_); }
    IcmpSide to() const { return IcmpSide::tunnel; }

    Bytes quote_of(Bytes message, const IcmpMapping& mapping) const {
        if (ea_ == Family::v4) return without_extensions(message, 5, 4);
        // "Packet too big" has its MTU where the others have the length.
        return without_extensions(message, 4, mapping.mtu ? 0 : 8);
    }

    /// The four bytes after the checksum.
    uint32_t rest_of_header(uint32_t rest) const {
        return mtu_into_tunnel(ea_ == Family::v4 ? rest & 0xffff : rest, ea_);
    }

    void learn(uint32_t mtu) {
        if (ea_ == Family::v6) plan_->learnt = LearntMtu{inner_host_, std::max(mtu, 1280u)};
    }

    Bad read(Bytes quote, Quoted& quoted) {
        const auto parsed = parse_ip_header(quote, Completeness::quoted);
        if (!parsed) return inner_reason(parsed.error());
        const IpHeader& ip = parsed->header;
        if (ip.source.family() != ea_) return DropReason::icmp_inner_malformed;
        const auto theirs = context_->lookup.theirs(ip.source);
        if (!theirs) return DropReason::icmp_inner_unmapped;
        const auto ours = ours_of(*context_, ip.destination, theirs->ip.family(), Make::no);
        if (!ours) return DropReason::icmp_inner_unmapped;
        inner_host_ = ip.destination;
        header_ = {*theirs, *ours, ip.ttl, tunnel_protocol(ea_, ip.protocol), ip.df, ip.fragment};
        quoted.protocol = header_.protocol;
        quoted.fragment = ip.fragment;
        quoted.segment = quote.subspan(parsed->size, parsed->payload);
        quoted.length = parsed->length;
        quoted.header_size = header_.size();
        Checksum pseudo;
        pseudo.add(ip.source).add(ip.destination);
        quoted.addresses.subtract(pseudo);
        if (ea_ == Family::v6) {
            pseudo.add_number(static_cast<uint16_t>(parsed->length)).add_number(kIcmpV6);
            quoted.icmp.subtract(pseudo);
        }
        return std::nullopt;
    }

    /// The header found by the latest read().
    wire::TunnelHeader header() const { return header_; }
    static void write(const wire::TunnelHeader& header, size_t, std::span<uint8_t> out) {
        wire::build_tunnel_header(header, out);
    }
    /// ICMP's checksum in the tunnel covers the message alone.
    void add_pseudo_header(Checksum&, size_t) const {}
    void enter() {}

  private:
    Family ea_;
    const Translation* context_;
    Plan* plan_;
    wire::TunnelHeader header_;
    Ip inner_host_;
};

/// From the tunnel to the local side.
class OutOfTunnel {
  public:
    OutOfTunnel(const Ip& ea, const Ip& host, const Ip& peer, const Translation& context)
        : source_(ea), destination_(host), peer_(peer), context_(&context) {}

    IcmpSide from() const { return IcmpSide::tunnel; }
    IcmpSide to() const { return icmp_side(family()); }

    Bytes quote_of(Bytes message, const IcmpMapping&) const {
        return without_extensions(message, 5, 4);
    }
    uint32_t rest_of_header(uint32_t rest) const {
        return mtu_out_of_tunnel(static_cast<uint16_t>(rest), family());
    }
    void learn(uint32_t) {}

    Bad read(Bytes quote, Quoted& quoted) {
        const auto parsed = wire::parse_tunnel_header(quote);
        if (!parsed) {
            return parsed.error() == wire::TunnelError::truncated
                       ? DropReason::ip_truncated
                       : DropReason::icmp_inner_malformed;
        }
        const auto& header = parsed->header;
        auto theirs = header.destination;
        if (theirs.ip.is_zero()) theirs.ip = peer_;
        const auto host = host_of(*context_, header.source);
        if (!host || host->family() != family()) return DropReason::icmp_inner_unmapped;
        const auto ea = ea_of(*context_, theirs, family(), Make::no);
        if (!ea) return DropReason::icmp_inner_unmapped;
        header_ = {*host,      *ea,
                   header.ttl, ip_protocol(family(), header.protocol),
                   header.df,  header.fragment};
        quoted.protocol = header.protocol;
        quoted.fragment = header.fragment;
        quoted.segment = quote.subspan(parsed->size);
        quoted.length = quoted.segment.size();
        quoted.header_size = header_.size();
        quoted.addresses.add(*host).add(*ea);
        if (family() == Family::v6) {
            quoted.icmp.add(quoted.addresses)
                .add_number(static_cast<uint16_t>(quoted.length))
                .add_number(kIcmpV6);
        }
        return std::nullopt;
    }

    IpHeader header() const { return header_; }
    static void write(const IpHeader& header, size_t payload, std::span<uint8_t> out) {
        build_ip_header(header, payload, out);
    }
    /// ICMPv6's checksum covers the addresses of the packet around the message.
    void add_pseudo_header(Checksum& sum, size_t length) const {
        if (family() != Family::v6) return;
        sum.add(source_).add(destination_).add_number(static_cast<uint16_t>(length));
        sum.add_number(kIcmpV6);
    }
    /// From here on, messages are inside the packet read last.
    void enter() {
        source_ = header_.source;
        destination_ = header_.destination;
    }

  private:
    Family family() const { return destination_.family(); }

    Ip source_;
    Ip destination_;
    Ip peer_;
    const Translation* context_;
    IpHeader header_;
};

template <typename Side>
class ErrorWriter {
  public:
    ErrorWriter(Side side, Writer& writer) : side_(std::move(side)), writer_(writer) {}

    /// Writes the error `message`, which stands inside `depth` - 1 others.
    Bad error(Bytes message, const IcmpMapping& mapping, size_t depth) {
        if (depth > kMaxQuoteDepth) return DropReason::icmp_inner_depth;
        const auto header = writer_.reserve(kIcmpHeader);
        const size_t start = writer_.size() - kIcmpHeader;
        const auto& type = mapping.on(side_.to());
        std::fill(header.begin(), header.end(), uint8_t{0});
        header[0] = type.type;
        header[1] = type.code;
        const uint32_t rest = wire::Reader(message.subspan(4)).u32();
        if (mapping.mtu) Writer(header.subspan(4)).u32(side_.rest_of_header(rest));

        const Bad bad = quote(side_.quote_of(message, mapping), depth);
        // An error inside an error may have been cut anywhere.
        if (bad && (depth == 1 || *bad != DropReason::ip_truncated)) {
            return *bad == DropReason::ip_truncated ? DropReason::icmp_inner_malformed : *bad;
        }
        if (mapping.mtu && depth == 1) side_.learn(rest);
        const auto all = writer_.written().subspan(start);
        Checksum sum;
        sum.add(all);
        side_.add_pseudo_header(sum, all.size());
        const uint16_t field = sum.field();
        std::memcpy(header.data() + 2, &field, sizeof field);
        return std::nullopt;
    }

  private:
    Bad quote(Bytes packet, size_t depth) {
        Quoted quoted;
        if (const Bad bad = side_.read(packet, quoted)) return bad;
        const auto header = side_.header();
        const auto space = writer_.reserve(quoted.header_size);
        const size_t start = writer_.size();
        const Bad bad = segment(quoted, depth);
        if (bad) return bad;
        Side::write(header, writer_.size() - start, space);
        return std::nullopt;
    }

    Bad segment(const Quoted& quoted, size_t depth) {
        const auto protocol = protocol_of(quoted.protocol);
        if (protocol.kind == Protocol::Kind::refused) return DropReason::protocol;
        const bool first = !quoted.fragment || quoted.fragment->first();
        if (protocol.kind == Protocol::Kind::icmp && first && quoted.segment.size() >= 2) {
            return icmp(quoted, depth);
        }
        const auto copy = copied(quoted.segment);
        if (protocol.kind != Protocol::Kind::pseudo) return std::nullopt;
        const size_t offset = quoted.fragment ? quoted.fragment->offset : 0;
        const auto at = locate(protocol.checksum, offset, copy.size());
        if (at && *at) patch_checksum({protocol.field, **at, quoted.addresses, std::nullopt}, copy);
        return std::nullopt;
    }

    Bad icmp(const Quoted& quoted, size_t depth) {
        const Bytes message = quoted.segment;
        const IcmpType old{message[0], message[1]};
        const auto* mapping = find_icmp(side_.from(), old);
        if (mapping == nullptr) return DropReason::icmp_type;
        if (mapping->error && message.size() >= kIcmpHeader) {
            const Side around = side_;
            side_.enter();
            const Bad bad = error(message, *mapping, depth + 1);
            side_ = around;
            return bad;
        }
        const auto copy = copied(message);
        const auto& type = mapping->on(side_.to());
        ChecksumPatch patch{ChecksumPatch::Field::none, 2, quoted.icmp, type};
        if (copy.size() >= 4) patch.field = ChecksumPatch::Field::plain;
        patch.change.subtract(type_sum(old)).add(type_sum(type));
        patch_checksum(patch, copy);
        return std::nullopt;
    }

    std::span<uint8_t> copied(Bytes bytes) {
        const auto copy = writer_.reserve(bytes.size());
        if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
        return copy;
    }

    Side side_;
    Writer& writer_;
};

/// What both directions end with.
template <typename Side>
Bad plan_error(Side side, Bytes message, const IcmpMapping& mapping, Plan& plan) {
    Writer writer(plan.message_bytes);
    const Bad bad = ErrorWriter<Side>(std::move(side), writer).error(message, mapping, 1);
    plan.message_size = writer.size();
    plan.segment_size = writer.size();
    return bad;
}

}  // namespace

Bad plan_error_into_tunnel(Bytes message, const IcmpMapping& mapping, Family ea,
                           const Translation& context, Plan& plan) {
    return plan_error(IntoTunnel(ea, context, plan), message, mapping, plan);
}

Bad plan_error_out_of_tunnel(Bytes message, const IcmpMapping& mapping, const Ip& ea,
                             const Ip& host, const Ip& peer, const Translation& context,
                             Plan& plan) {
    return plan_error(OutOfTunnel(ea, host, peer, context), message, mapping, plan);
}

}  // namespace ipref::gw
