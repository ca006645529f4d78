// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/sides.h"

namespace ipref::gw {

using net::Family;
using net::Ip;
using net::IpRef;

std::optional<IpRef> ours_of(const Translation& context, const Ip& host, Family gw, Make make) {
    const auto& side = context.settings.ea(host.family());
    if (side && side->gateway == host) {
        const auto& pub = context.settings.pub(gw);
        if (!pub) return std::nullopt;
        return IpRef{*pub, context.settings.gateway_ref};
    }
    const auto ours =
        make == Make::yes ? context.lookup.ours(host, gw) : context.lookup.known_ours(host, gw);
    // Both addresses of an IPREF packet are of one family.
    return ours && ours->ip.family() == gw ? ours : std::nullopt;
}

std::optional<Ip> ea_of(const Translation& context, const IpRef& theirs, Family ea, Make make) {
    const auto found =
        make == Make::yes ? context.lookup.ea(theirs, ea) : context.lookup.known_ea(theirs, ea);
    return found && found->family() == ea ? found : std::nullopt;
}

std::optional<Ip> host_of(const Translation& context, const IpRef& ours) {
    const bool our_context = is_our_context(context.settings, ours.ip);
    if (our_context && ours.ref == context.settings.gateway_ref) {
        const auto& side = context.settings.ea4 ? context.settings.ea4 : context.settings.ea6;
        if (side) return side->gateway;
    }
    const auto host = context.lookup.host(ours);
    const auto& pub = context.settings.pub(ours.ip.family());
    if (host || !pub || !pub->is_zero() || ours.ip.is_zero()) return host;
    // We do not know our own address: the mapping was made without it.
    return context.lookup.host({*pub, ours.ref});
}

bool is_our_context(const Settings& settings, const Ip& context) {
    const auto& pub = settings.pub(context.family());
    return pub && (context.is_zero() || pub->is_zero() || context == *pub);
}

}  // namespace ipref::gw
