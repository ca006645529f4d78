# SPDX-License-Identifier: GPL-2.0-or-later
"""Big packets, fragments, and a narrow path in the middle."""

import json

from lab.clients import ping, serve_iperf, wait_ping
from lab.internet import Internet
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site
from lab.transfer import Transfer
from lab.waiting import until
from lab.worlds import ALPHA, BETA, REMOTE, over_ipv6, two_gateways, two_sites, with_ipv6_lan

_IP_AND_ICMP = 28  # headers that ping's -s does not count, over IPv4
_INTERFACE_MTU = 1460
# What fits inside UDP, less the longest IPREF header with fragment info, plus a local IP header.
_TOLD_ON_1280 = 1280 - 28 - 76 + 20


def narrow(internet: Internet, site: Site, mtu: int) -> None:
    """The link between the router and a site's gateway."""
    internet.router.ip(f"link set {site.internet_end} mtu {mtu}")
    site.router.ip(f"link set wan mtu {mtu}")


@scenario("large pings pass whole with DF and in fragments without")
def large_pings(lab: Lab) -> None:
    _, alpha, _ = two_gateways(lab)
    wait_ping(alpha.host, REMOTE)
    for size in (1000, _INTERFACE_MTU - _IP_AND_ICMP):
        done = ping(alpha.host, REMOTE, "-M", "do", "-s", str(size))
        assert done.ok, done
    for size in (_INTERFACE_MTU - _IP_AND_ICMP + 1, 2000, 8000, 60000):
        done = ping(alpha.host, REMOTE, "-M", "dont", "-s", str(size))
        assert done.ok, done
    done = ping(alpha.host, REMOTE, "-M", "do", "-s", "1472")
    assert not done.ok, done
    assert f"mtu = {_INTERFACE_MTU}" in done.output + done.errors, done


@scenario("a path of 1280 bytes in the middle: DF is answered, no DF passes, TCP goes on")
def narrow_path(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab)
    wait_ping(alpha.host, REMOTE)
    narrow(internet, beta, 1280)
    wait_ping(alpha.host, REMOTE, "-M", "dont", "-s", "4000")
    told = until(lambda: _told_mtu(alpha), "a ping of 1400 bytes with DF is answered with an MTU")
    assert told == _TOLD_ON_1280, f"an MTU of {told} for a path of 1280"
    done = ping(alpha.host, REMOTE, "-M", "do", "-s", str(told - _IP_AND_ICMP))
    assert done.ok, done
    transfer = Transfer(lab, beta.host, alpha.host, REMOTE, megabytes=10)
    transfer.start()
    transfer.finish()


def _told_mtu(site: Site) -> int:
    """The MTU in what the host is told about a large ping with DF, 0 if it is told nothing."""
    done = ping(site.host, REMOTE, "-M", "do", "-s", "1400", "-W", "1")
    _, found, rest = (done.output + done.errors).partition("mtu = ")
    if not found:
        _, found, rest = (done.output + done.errors).partition("mtu=")
    return int("".join(c for c in rest[:5] if c.isdigit())) if found else 0


@scenario("an IPv6 site sends and gets large packets across a path of 1280 bytes")
def narrow_path_ipv6(lab: Lab) -> None:
    internet, alpha, beta = two_sites(lab, over_ipv6(ALPHA), over_ipv6(with_ipv6_lan(BETA)))
    wait_ping(beta.host, "web.example.com")
    wait_ping(alpha.host, "web.example.org")
    for size in ("1400", "4000"):
        wait_ping(beta.host, "web.example.com", "-s", size)
        wait_ping(alpha.host, "web.example.org", "-M", "dont", "-s", size)
    narrow(internet, alpha, 1400)
    wait_ping(beta.host, "web.example.com", "-s", "4000")
    wait_ping(alpha.host, "web.example.org", "-M", "dont", "-s", "4000")


@scenario("UDP goes both ways, in whole packets and in fragments")
def udp(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(alpha.host, REMOTE)
    serve_iperf(lab, beta.host)
    for options in (("-l", "1200"), ("-l", "1200", "-R"), ("-l", "4000"), ("-l", "4000", "-R")):
        done = alpha.host.run("iperf3", "-u", "-c", REMOTE, "-b", "2M", "-t", "1", "-J", *options)
        total = _sum(done.output)
        assert total["packets"] > 0 and total["lost_packets"] == 0, (options, total)


def _sum(output: str) -> dict:
    return json.loads(output)["end"]["sum"]
