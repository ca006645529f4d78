# SPDX-License-Identifier: GPL-2.0-or-later
"""One gateway process a site for IPv4 and IPv6 hosts, over IPv4 and IPv6 tunnels."""

from dataclasses import dataclass, field

from lab import zone
from lab.clients import curl, dig, serve_pages, wait_ping
from lab.internet import PUBLIC_DNS, Internet
from lab.lab import Lab
from lab.namespace import join
from lab.programs import Gateway, Resolver
from lab.scenario import scenario
from lab.v1 import Peer
from lab.waiting import until

ENCODE = ("10.240.0.0/12", "fd00:240::/64")
FAMILIES = ("4", "6")
COMBINATIONS = [(ea, gw) for ea in FAMILIES for gw in FAMILIES]


@dataclass
class Dual:
    """A site with one host that has an address of either family, and a gateway with both."""

    name: str
    public: dict[str, str]  # by family of the tunnel
    lan: dict[str, str] = field(
        default_factory=lambda: {"4": "192.168.1.{}/24", "6": "fd00:1::{}/64"})

    def local(self, family: str, number: int) -> str:
        return self.lan[family].format(number).split("/")[0]

    def ref(self, host_family: str, gw: str) -> str:
        """Of the host's address of one family, under the context address of another."""
        return f"{host_family}{gw}"

    def build(self, lab: Lab, internet: Internet, hosts_file: str) -> None:
        self.router = lab.host(f"{self.name}-gw", forwarding=True)
        internet.connect(self.router, f"{self.public['4']}/24", f"{self.public['6']}/64")
        self.host = lab.host(f"{self.name}-host")
        join(self.host, "lan", self.router, "lan")
        for family in FAMILIES:
            self.router.ip(f"address add {self.lan[family].format(1)} dev lan")
            self.host.ip(f"address add {self.lan[family].format(10)} dev lan")
        for net, family in zip(ENCODE, FAMILIES):
            self.host.ip(f"route add {net} via {self.local(family, 1)}")
        self.gateway = Gateway(
            lab, self.router, "-gateway", self.public["4"], "-gateway", self.public["6"],
            "-encode-net", ENCODE[0], "-encode-net", ENCODE[1], hosts=hosts_file)


def published(site: Dual) -> str:
    """Its host, both addresses under both context addresses."""
    return "".join(f"{site.local(host, 10)} host #= pub {site.public[gw]} + {site.ref(host, gw)}\n"
                   for host, gw in COMBINATIONS)


def encoded(ea: str, host: str, gw: str) -> str:
    """The static encoded address of family `ea` for the other site's host."""
    return f"10.240.8.{host}{gw}" if ea == "4" else f"fd00:240::8{host}{gw}"


def pointing_at(site: Dual) -> str:
    return "".join(
        f"{encoded(ea, host, gw)} #= ext {site.public[gw]} + {site.ref(host, gw)}\n"
        for ea in FAMILIES for host, gw in COMBINATIONS)


def two_dual_sites(lab: Lab, static: bool) -> tuple[Internet, Dual, Dual]:
    internet = Internet(lab)
    alpha = Dual("alpha", {"4": "203.0.113.10", "6": "2001:db8:a::10"})
    beta = Dual("beta", {"4": "198.51.100.20", "6": "2001:db8:b::20"})
    for site, other in ((alpha, beta), (beta, alpha)):
        site.build(lab, internet, published(site) + pointing_at(other) if static else "")
        site.gateway.start()
    return internet, alpha, beta


@scenario("both families of hosts reach both families of hosts over both families of tunnels")
def all_combinations(lab: Lab) -> None:
    _, alpha, beta = two_dual_sites(lab, static=True)
    serve_pages(lab, beta.host, {"index.html": "beta\n" + "x" * 100_000}, ipv6=True)
    for ea in FAMILIES:
        for host, gw in COMBINATIONS:
            to = encoded(ea, host, gw)
            wait_ping(alpha.host, to)
            wait_ping(beta.host, to)
            got = curl(alpha.host, f"http://[{to}]/" if ea == "6" else f"http://{to}/")
            assert got.output.startswith("beta\n") and len(got.output) == 100_005, (to, got)


@scenario("with one family of tunnels cut, the other one's hosts stay reachable")
def one_tunnel_cut(lab: Lab) -> None:
    internet, alpha, beta = two_dual_sites(lab, static=True)
    for cut, other in (("4", "6"), ("6", "4")):
        blackhole = f"route add blackhole {beta.public[cut]}"
        internet.router.ip(blackhole)
        for ea in FAMILIES:
            for host in FAMILIES:
                wait_ping(alpha.host, encoded(ea, host, other))
            lost = alpha.host.run("ping", "-n", "-c", "1", "-W", "1", encoded(ea, ea, cut),
                                  check=False)
            assert not lost.ok, f"{encoded(ea, ea, cut)} is reached, but not by its own tunnel"
        internet.router.ip(blackhole.replace("add", "delete"))


def start_names(lab: Lab, internet: Internet, site: Dual, domain: str) -> None:
    """A resolver at each of the gateway's local addresses, for the hosts of that family."""
    blocks = []
    for ea in FAMILIES:
        for gw in FAMILIES:
            blocks.append(f"""tunnel{gw}.{domain} {{
    bind {site.local(ea, 1)}
    ipref {{
        upstream {PUBLIC_DNS}
        mapper {site.gateway.socket}
        ea-ipver {ea}
        gw-ipver {gw}
    }}
    errors
}}
""")
    Resolver(lab, site.router, site.local("4", 1), "\n".join(blocks)).start()


@scenario("resolvers of both families get encoded addresses of the family they ask for")
def names(lab: Lab) -> None:
    internet, alpha, beta = two_dual_sites(lab, static=False)
    records = [zone.address(f"gw{gw}", beta.public[gw]) for gw in FAMILIES]
    for gw in FAMILIES:
        records += [zone.published(f"web{host}.tunnel{gw}", f"gw{gw}.example.org",
                                   beta.ref(host, gw)) for host in FAMILIES]
    internet.publish("example.org", records)
    internet.start_dns()
    beta.gateway.hosts.write_text(published(beta))
    start_names(lab, internet, alpha, "example.org")
    for ea, kind in (("4", "A"), ("6", "AAAA")):
        for host, gw in COMBINATIONS:
            name = f"web{host}.tunnel{gw}.example.org"
            server = f"@{alpha.local(ea, 1)}"
            found = until(lambda: dig(alpha.host, name, kind, server).data(kind),
                          f"an encoded address for {name}")
            wait_ping(alpha.host, found[0])


@scenario("V1 clients get encoded addresses of the families that their header names")
def v1_families(lab: Lab) -> None:
    _, alpha, _ = two_dual_sites(lab, static=False)
    contexts = {"4": "c6336414", "6": "20010db8000b00000000000000000014"}
    name = "04107765622e6578616d706c652e636f6d2e0000"
    nets = {"4": "0af", "6": "fd000240"}
    with Peer(alpha.gateway.socket) as peer:
        for ea, gw in COMBINATIONS:
            size = {"4": 4, "6": 16}
            body = "00" * size[ea] * 2 + contexts[gw] + f"{0x1001:032x}" + name
            words = 2 + len(body) // 8
            answer = peer.ask(f"11470001{ea}{gw}00{words:04x}" + body)
            assert answer.startswith(f"11870001{ea}{gw}00"), answer
            first = answer[16:16 + 2 * size[ea]]
            assert first.startswith(nets[ea]), answer
            about = f"{ea.zfill(2)}{size[ea]:02x}{gw.zfill(2)}{size[gw]:02x}"
            answer = peer.ask(f"114700020000{words + 1:04x}{about}" + body)
            assert answer.startswith("118700020000"), answer
            assert answer[24:24 + 2 * size[ea]] == first, "the variants answer differently"
