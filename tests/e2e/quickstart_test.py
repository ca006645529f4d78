# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the README's quick start, as they stand there; only files go elsewhere."""

from lab import readme, zone
from lab.clients import curl, dig, serve_pages, wait_ping
from lab.internet import PUBLIC_DNS, Internet
from lab.lab import Lab
from lab.namespace import Namespace
from lab.process import Process
from lab.programs import Gateway, Resolver, accepts
from lab.scenario import scenario
from lab.site import Plan, Site
from lab.waiting import until

_OFFICE = Plan("office", "example.com", "203.0.113.5/24")
_HOME = Plan("home", "example.org", "198.51.100.20/24", nat=True)
_NAME = "web.example.com"


def gateway_as_written(lab: Lab, where: Namespace, number: int, hosts: str = "") -> Gateway:
    """Runs the `number`th ipref-gw of the quick start."""
    gateway = Gateway(lab, where, *readme.commands("ipref-gw")[number], hosts=hosts)
    gateway.start()
    return gateway


def agent_as_written(lab: Lab, where: Namespace, gateway: Gateway) -> Process:
    """Its zone comes from this lab's public DNS, not from the README's."""
    local, domain, _ = readme.commands("ipref-dns-agent")[0][-1].split(":")
    agent = lab.process("agent", where, [
        lab.program("ipref-dns-agent"), "-m", f"unix://{gateway.socket}",
        f"{local}:{domain}:{PUBLIC_DNS}"], ours=True)
    agent.start()
    return agent


def office(lab: Lab, internet: Internet) -> Site:
    """The site that publishes, its web server, and the public zone as in the README."""
    site = Site(lab, internet, _OFFICE)
    serve_pages(lab, site.host, {"index.html": "office\n"})
    internet.publish("example.com", [zone.address("gw", "203.0.113.5"),
                                     zone.published("web", "gw.example.com", "1025")])
    internet.start_dns()
    return site


def home_opens_page(lab: Lab, internet: Internet) -> None:
    """The client's half of the quick start, on the gateway machine itself."""
    home = Site(lab, internet, _HOME).router
    home.run("sysctl", "-w", "net.ipv4.ip_forward=0")
    home.run("sysctl", *readme.commands("sysctl")[0])
    gateway = gateway_as_written(lab, home, 0)
    corefile = readme.corefile().replace("ipref {", f"ipref {{\n        mapper {gateway.socket}")
    Resolver(lab, home, "127.0.0.2", corefile).start()
    home.use_nameserver("127.0.0.2")
    until(lambda: dig(home, _NAME, "A", "@127.0.0.2").data("A"), "an address")
    wait_ping(home, _NAME)
    got = curl(home, f"http://{_NAME}/")
    assert got.output == "office\n", got


@scenario("the README's quick start works: published by a line in the hosts file")
def by_hosts_file(lab: Lab) -> None:
    internet = Internet(lab)
    site = office(lab, internet)
    gateway = gateway_as_written(lab, site.router, 1, hosts=readme.hosts_line() + "\n")
    until(lambda: accepts(gateway.socket), "the mapper socket")
    home_opens_page(lab, internet)


@scenario("the README's quick start works: published by the agent")
def by_agent(lab: Lab) -> None:
    internet = Internet(lab)
    site = office(lab, internet)
    gateway = gateway_as_written(lab, site.router, 1)
    names = lab.file("db.internal", zone.text("internal", [zone.address("web", site.address)]))
    Resolver(lab, site.router, "192.168.1.1", f"""internal {{
    file {names}
}}
. {{
    forward . {PUBLIC_DNS}
}}
""").start()
    agent_as_written(lab, site.router, gateway)
    home_opens_page(lab, internet)
