# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway behind a masquerading router, with public address 0.0.0.0."""

from dataclasses import replace

from lab.clients import curl, serve_pages, wait_encoded, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import forward_port
from lab.worlds import ALPHA, BETA, two_sites


@scenario("a site behind a NAT that publishes nothing opens pages of others")
def client_mode(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab, ALPHA, replace(BETA, nat=True, published={}))
    serve_pages(lab, alpha.host, {"index.html": "alpha\n"})
    wait_encoded(beta.host, "web.example.com")
    wait_ping(beta.host, "web.example.com")
    got = curl(beta.host, "http://web.example.com/")
    assert got.output == "alpha\n", got


@scenario("a site behind a NAT with a forwarded port is reached by name")
def published_behind_nat(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab, ALPHA, replace(BETA, nat=True))
    forward_port(beta)
    serve_pages(lab, beta.host, {"index.html": "beta\n"})
    wait_encoded(alpha.host, "web.example.org")
    wait_ping(alpha.host, "web.example.org")
    got = curl(alpha.host, "http://web.example.org/")
    assert got.output == "beta\n", got


@scenario("the NAT forgets its mappings: the next packet from behind it mends the flow")
def nat_rebinds(lab: Lab) -> None:
    _, _, beta = two_sites(lab, ALPHA, replace(BETA, nat=True, published={}))
    wait_ping(beta.host, "web.example.com")
    for rule in ("-D", "-I"):  # another port range makes for another port
        beta.nat.run("iptables", "-w", "-t", "nat", rule, "POSTROUTING", "-o", "wan", "-p", "udp",
                     "-j", "MASQUERADE", "--to-ports",
                     "40000-50000" if rule == "-D" else "20000-30000")
    beta.nat.ip("link set inside down", "link set wan down", "link set wan up",
                "link set inside up", "route add default via 198.51.100.1")
    wait_ping(beta.host, "web.example.com")
