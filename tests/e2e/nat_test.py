# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway behind a masquerading router, with public address 0.0.0.0."""

from dataclasses import replace

from lab.clients import curl, serve_pages, wait_encoded, wait_ping
from lab.internet import Internet
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site, forward_port
from lab.worlds import ALPHA, BETA, REMOTE, pointing_at, two_sites

OLD = "10.240.8.23"


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


@scenario("a site behind a NAT is reached under any address that the NAT forwards, old or new")
def any_context_address(lab: Lab) -> None:
    internet = Internet(lab)
    new = "198.51.100.21"
    alpha = Site(lab, internet, pointing_at(ALPHA, replace(BETA, public=f"{new}/24")))
    beta = Site(lab, internet, replace(pointing_at(BETA, ALPHA), nat=True))
    beta.nat.ip(f"address add {new}/24 dev wan")
    forward_port(beta)
    alpha.gateway.hosts.write_text(alpha.gateway.hosts.read_text() +
                                   f"{OLD} old #= ext {BETA.context} + 22\n")
    # Published under the address that the site had when its zone was made.
    beta.gateway.hosts.write_text(f"{beta.address} host #= pub {BETA.context} + 22\n")
    for site in (alpha, beta):
        site.gateway.start()
    wait_ping(alpha.host, REMOTE)
    wait_ping(alpha.host, OLD)


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
