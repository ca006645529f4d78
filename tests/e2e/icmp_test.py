# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors that find their way back to who caused them."""

from lab.clients import dig, ping, wait_encoded, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site
from lab.worlds import ALPHA, BETA, REMOTE, two_gateways, two_sites, with_ipv6_lan

_GATEWAY = "10.240.0.1"


def hop(site: Site, ttl: int) -> str:
    """Who says that the TTL is used up, as traceroute would list it; "reply" at the end."""
    done = ping(site.host, REMOTE, "-t", str(ttl))
    for line in done.output.splitlines():
        if "Time to live exceeded" in line:
            return line.split()[1]
        if "bytes from" in line:
            return "reply"
    return f"nothing: {done}"


@scenario("with -dec-ttl a traceroute sees both gateways; their addresses are encoded ones")
def traceroute(lab: Lab) -> None:
    _, alpha, _ = two_gateways(lab, "-dec-ttl")
    wait_ping(alpha.host, REMOTE)
    hops = [hop(alpha, ttl) for ttl in range(1, 7)]
    assert hops[0] == alpha.plan.local(1), hops
    assert hops[1] == _GATEWAY, hops
    assert hops[2].startswith("10.2") and hops[2] not in (_GATEWAY, REMOTE), hops
    assert hops[-1] == "reply", hops


@scenario("a closed UDP port is reported to the sender, also from an IPv6 host to an IPv4 one")
def closed_port(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab, ALPHA, with_ipv6_lan(BETA))
    for client, server in ((alpha, beta), (beta, alpha)):
        name = f"web.{server.plan.domain}"
        wait_ping(client.host, name)
        address = wait_encoded(client.host, name, client.plan.encode)
        answer = dig(client.host, "x", "A", f"@{address}", "-p", "9")
        assert "connection refused" in answer.done.output, answer.done


@scenario("a host that is down is reported by its gateway's kernel, through the tunnel")
def host_down(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(alpha.host, REMOTE)
    beta.host.ip("link set lan down")
    done = ping(alpha.host, REMOTE, "-w", "6", count=5)
    assert "Host Unreachable" in done.output, done
