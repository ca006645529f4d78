// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/quote.h"
#include "gw/datapath/translate/sides.h"
#include "gw/datapath/translate/translate.h"
#include "gw/datapath/translate/verdicts.h"

namespace ipref::gw {

namespace {

using net::Family;
using net::Ip;
using net::IpRef;
using Bad = std::optional<DropReason>;

Bad check_source(const EncodeNet& side, const Ip& source) {
    if (side.net.contains(source) && source != side.gateway) {
        return DropReason::source_in_encode_net;
    }
    if (source.is_link_local()) return DropReason::source_link_local;
    if (!source.is_global_unicast()) return DropReason::source_not_unicast;
    return std::nullopt;
}

/// One packet on its way into the tunnel.
class Encap {
  public:
    Encap(Bytes packet, const Translation& context, Time now, Plan& plan)
        : packet_(packet), context_(context), now_(now), plan_(plan) {}

    Verdict run() {
        if (const Bad bad = read()) return drop(*bad);
        const auto theirs = context_.lookup.theirs(ip_.destination);
        if (!theirs) return refuse(DropReason::destination_unknown, IcmpError::net_unreachable);
        if (context_.settings.dec_ttl && ip_.ttl <= 1) {
            return refuse(DropReason::ttl_expired, IcmpError::ttl_expired);
        }
        const auto ours = ours_of(context_, ip_.source, theirs->ip.family(), Make::yes);
        if (!ours) return drop(DropReason::no_reference);
        fill(*ours, *theirs);
        return layer4();
    }

  private:
    /// Everything that can be said without a mapping.
    Bad read() {
        const auto parsed = parse_ip_header(packet_, Completeness::whole);
        if (!parsed) return parsed.error();
        ip_ = parsed->header;
        header_size_ = parsed->size;
        bytes_ = packet_.subspan(parsed->size);
        const Family family = ip_.source.family();
        const auto& side = context_.settings.ea(family);
        if (!side) return DropReason::ip_version;
        if (const Bad bad = check_fragment(ip_.fragment, bytes_.size())) return bad;
        if (const Bad bad = check_source(*side, ip_.source)) return bad;
        if (!ip_.destination.is_global_unicast()) return DropReason::destination_not_unicast;
        protocol_ = tunnel_protocol(family, ip_.protocol);
        const auto segment = classify(bytes_, protocol_, ip_.fragment, icmp_side(family));
        if (!segment) return segment.error();
        segment_ = *segment;
        return std::nullopt;
    }

    Verdict refuse(DropReason reason, IcmpError error) const {
        return segment_.answerable ? answer(reason, error) : drop(reason);
    }

    void fill(const IpRef& ours, const IpRef& theirs) {
        const auto ttl = static_cast<uint8_t>(ip_.ttl - (context_.settings.dec_ttl ? 1 : 0));
        start_plan(plan_, packet_, header_size_);
        plan_.source = ours.ip;
        plan_.destination = theirs.ip;
        plan_.df = ip_.df;
        plan_.from_ipv6 = ip_.source.is_v6();
        plan_.later_fragment = ip_.fragment && ip_.fragment->offset != 0;
        plan_.header_size = wire::build_tunnel_header(
            {ours, theirs, ttl, protocol_, ip_.df, ip_.fragment}, plan_.header_bytes);
    }

    Verdict layer4() {
        if (segment_.is_icmp()) return icmp();
        if (segment_.checksum) {
            plan_.patch.field = segment_.protocol.field;
            plan_.patch.offset = *segment_.checksum;
            plan_.patch.change.subtract(addresses());
        }
        return forward();
    }

    Verdict icmp() {
        if (segment_.icmp == nullptr) return icmp_part();
        if (segment_.icmp->error) {
            const Bad bad = plan_error_into_tunnel(bytes_, *segment_.icmp, ip_.source.family(),
                                                   context_, plan_);
            return bad ? drop(*bad) : forward();
        }
        if (ip_.source.is_v4()) return forward();  // echo: nothing changes
        plan_echo(plan_, *segment_.icmp, IcmpSide::v6, IcmpSide::tunnel);
        auto pseudo = addresses();
        pseudo.add_number(kIcmpV6);
        plan_.patch.change.subtract(pseudo);
        std::optional<uint16_t> length = static_cast<uint16_t>(bytes_.size());
        if (ip_.fragment && !ip_.fragment->atomic())
            length = context_.waiting.take_length(key(), now_);
        if (!length) {
            context_.waiting.hold(key(), plan_, bytes_, now_);
            return hold();
        }
        plan_.patch.change.subtract(net::Checksum().add_number(*length));
        return forward();
    }

    /// A fragment of an ICMP message other than the first.
    Verdict icmp_part() {
        if (ip_.source.is_v6() && !ip_.fragment->more) {
            const auto length = static_cast<uint16_t>(ip_.fragment->offset + bytes_.size());
            plan_.released = context_.waiting.last_seen(key(), length, false, now_);
        }
        return forward();
    }

    net::Checksum addresses() const { return net::Checksum().add(ip_.source).add(ip_.destination); }
    WaitingFragments::Key key() const { return {ip_.source, ip_.destination, ip_.fragment->id}; }

    Bytes packet_;
    const Translation& context_;
    Time now_;
    Plan& plan_;
    IpHeader ip_;
    size_t header_size_ = 0;
    uint8_t protocol_ = 0;
    Bytes bytes_;  // after the header
    Segment segment_;
};

}  // namespace

Verdict encap(Bytes packet, const Translation& context, Time now, Plan& plan) {
    return Encap(packet, context, now, plan).run();
}

}  // namespace ipref::gw
