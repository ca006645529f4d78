# SPDX-License-Identifier: GPL-2.0-or-later
"""Ready-made networks for scenarios."""

from dataclasses import replace

from lab.internet import Internet
from lab.lab import Lab
from lab.site import ENCODE_6, Plan, Site

# Two sites that use the same local network, as most of the world does.
ALPHA = Plan("alpha", "example.com", "203.0.113.10/24", published={"web": "1025"})
BETA = Plan("beta", "example.org", "198.51.100.20/24", published={"web": "7a-1026"})

PUBLIC_6 = {"alpha": "2001:db8:a::10/64", "beta": "2001:db8:b::20/64"}


def with_ipv6_lan(plan: Plan) -> Plan:
    return replace(plan, lan="fd00:1::/64", encode=ENCODE_6)


def over_ipv6(plan: Plan) -> Plan:
    """The same site with an IPv6 context address, and no IPv4 towards the Internet at all."""
    return replace(plan, public=PUBLIC_6[plan.name])


def two_sites(lab: Lab, alpha: Plan = ALPHA, beta: Plan = BETA) -> tuple[Internet, Site, Site]:
    """Everything runs: public DNS with both zones, and all three programs at both sites."""
    internet = Internet(lab)
    sites = [Site(lab, internet, plan) for plan in (alpha, beta)]
    for plan in (alpha, beta):
        if plan.published:
            internet.publish(plan.domain, plan.zone_records())
    internet.start_dns()
    for site in sites:
        site.start()
    return internet, sites[0], sites[1]


# What the hosts of two_gateways() call each other.
REMOTE = "10.240.8.22"


def pointing_at(plan: Plan, other: Plan, ref: str = "22") -> Plan:
    """A site whose hosts file maps its first host to `ref`, and REMOTE to the other's."""
    lines = (f"{plan.local(10)} host #= pub + {ref}\n"
             f"{REMOTE} remote #= ext {other.context} + {ref}\n")
    return replace(plan, published={}, hosts_file=lines)


def two_gateways(lab: Lab, *options: str) -> tuple[Internet, Site, Site]:
    """Only the gateways run, with static mappings from their hosts files: no DNS, no agents."""
    alpha, beta = (replace(plan, options=options) for plan in (ALPHA, BETA))
    internet = Internet(lab)
    sites = [Site(lab, internet, pointing_at(alpha, beta)),
             Site(lab, internet, pointing_at(beta, alpha))]
    for site in sites:
        site.gateway.start()
    return internet, sites[0], sites[1]
