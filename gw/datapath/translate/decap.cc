// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/quote.h"
#include "gw/datapath/translate/sides.h"
#include "gw/datapath/translate/translate.h"
#include "gw/datapath/translate/verdicts.h"

namespace ipref::gw {

namespace {

using net::Ip;
using Bad = std::optional<DropReason>;

DropReason reason_of(wire::TunnelError error) {
    switch (error) {
        case wire::TunnelError::version:
            return DropReason::tunnel_version;
        case wire::TunnelError::ref_size:
            return DropReason::tunnel_ref_size;
        case wire::TunnelError::context_version:
            return DropReason::tunnel_context_version;
        case wire::TunnelError::reserved_bits:
            return DropReason::tunnel_reserved_bits;
        case wire::TunnelError::reserved_fragment:
            return DropReason::fragment_reserved_bits;
        case wire::TunnelError::truncated:
            break;
    }
    return DropReason::tunnel_truncated;
}

/// One packet on its way out of the tunnel.
class Decap {
  public:
    Decap(Bytes packet, const Ip& peer, const Translation& context, Time now, Plan& plan)
        : packet_(packet), peer_(peer), context_(context), now_(now), plan_(plan) {}

    Verdict run() {
        if (const Bad bad = read()) return drop(*bad);
        const auto host = host_of(context_, header_.destination);
        if (!host && !is_our_context(context_.settings, header_.destination.ip)) {
            return drop(DropReason::destination_not_ours);
        }
        if (!host) return refuse(DropReason::destination_unknown, IcmpError::net_unreachable);
        if (context_.settings.dec_ttl && header_.ttl <= 1) {
            return refuse(DropReason::ttl_expired, IcmpError::ttl_expired);
        }
        const auto ea = ea_of(context_, header_.source, host->family(), Make::yes);
        if (!ea) return drop(DropReason::no_encoded_address);
        const auto ttl = static_cast<uint8_t>(header_.ttl - (context_.settings.dec_ttl ? 1 : 0));
        ip_ = {*ea,        *host,           ttl, ip_protocol(host->family(), header_.protocol),
               header_.df, header_.fragment};
        start_plan(plan_, packet_, header_size_);
        plan_.source = ip_.source;
        plan_.destination = ip_.destination;
        plan_.df = header_.df;
        plan_.from_ipv6 = false;
        plan_.later_fragment = false;
        return finish(layer4());
    }

  private:
    /// Everything that can be said without a mapping.
    Bad read() {
        const auto parsed = wire::parse_tunnel_header(packet_);
        if (!parsed) return reason_of(parsed.error());
        header_ = parsed->header;
        header_size_ = parsed->size;
        bytes_ = packet_.subspan(parsed->size);
        if (const Bad bad = check_fragment(header_.fragment, bytes_.size())) return bad;
        if (const Bad bad = check_contexts()) return bad;
        const auto segment = classify(bytes_, header_.protocol, header_.fragment, IcmpSide::tunnel);
        if (!segment) return segment.error();
        segment_ = *segment;
        return std::nullopt;
    }

    /// Fills in a source context that was left open.
    Bad check_contexts() {
        Ip& source = header_.source.ip;
        if (source.is_zero() && source.family() == peer_.family()) source = peer_;
        if (source != peer_) return DropReason::source_context_mismatch;
        if (!source.is_global_unicast()) return DropReason::source_context_not_unicast;
        if (context_.settings.in_encode_net(source)) return DropReason::source_in_encode_net;
        return std::nullopt;
    }

    Verdict refuse(DropReason reason, IcmpError error) const {
        return segment_.answerable ? answer(reason, error) : drop(reason);
    }

    Verdict layer4() {
        if (segment_.is_icmp()) return icmp();
        if (segment_.checksum) {
            plan_.patch.field = segment_.protocol.field;
            plan_.patch.offset = *segment_.checksum;
            plan_.patch.change.add(ip_.source).add(ip_.destination);
        }
        return forward();
    }

    Verdict icmp() {
        if (segment_.icmp == nullptr) return icmp_part();
        if (segment_.icmp->error) {
            const Bad bad = plan_error_out_of_tunnel(bytes_, *segment_.icmp, ip_.source,
                                                     ip_.destination, peer_, context_, plan_);
            return bad ? drop(*bad) : forward();
        }
        return ip_.source.is_v4() ? forward() : echo_to_v6();
    }

    Verdict echo_to_v6() {
        plan_echo(plan_, *segment_.icmp, IcmpSide::tunnel, IcmpSide::v6);
        plan_.patch.change.add(ip_.source).add(ip_.destination).add_number(kIcmpV6);
        if (!header_.fragment || header_.fragment->atomic()) return echo_of(bytes_.size());
        const auto length = context_.waiting.take_length(key(), now_);
        return length ? echo_of(*length) : hold();
    }

    Verdict echo_of(size_t length) {
        plan_.patch.change.add_number(static_cast<uint16_t>(length));
        return forward();
    }

    /// A fragment of an ICMP message other than the first.
    Verdict icmp_part() {
        if (ip_.source.is_v6() && !header_.fragment->more) {
            const auto length = static_cast<uint16_t>(header_.fragment->offset + bytes_.size());
            plan_.released = context_.waiting.last_seen(key(), length, true, now_);
        }
        return forward();
    }

    /// With all sizes known, writes the header.
    Verdict finish(Verdict verdict) {
        if (verdict.action == Action::drop) return verdict;
        if (too_large(ip_, plan_.segment_size)) return drop(DropReason::too_large);
        plan_.header_size = build_ip_header(ip_, plan_.segment_size, plan_.header_bytes);
        if (verdict.action == Action::hold) context_.waiting.hold(key(), plan_, bytes_, now_);
        return verdict;
    }

    WaitingFragments::Key key() const {
        return {ip_.source, ip_.destination, header_.fragment->id};
    }

    Bytes packet_;
    const Ip& peer_;
    const Translation& context_;
    Time now_;
    Plan& plan_;
    wire::TunnelHeader header_;
    size_t header_size_ = 0;
    IpHeader ip_;
    Bytes bytes_;  // after the header
    Segment segment_;
};

}  // namespace

Verdict decap(Bytes packet, const Ip& peer, const Translation& context, Time now, Plan& plan) {
    return Decap(packet, peer, context, now, plan).run();
}

}  // namespace ipref::gw
