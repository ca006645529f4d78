# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and zones that are hard to get."""

from dataclasses import replace

from lab import zone
from lab.clients import ping, wait_encoded, wait_ping
from lab.internet import Internet
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site
from lab.waiting import until
from lab.worlds import ALPHA, BETA, two_sites

_NAME = "web.example.com"


def sites_without_dns(lab: Lab, records: list[str], transfer: str) -> tuple[Internet, Site, Site]:
    """Alpha's zone as given, nothing published by beta; nothing started."""
    internet = Internet(lab)
    alpha, beta = Site(lab, internet, ALPHA), Site(lab, internet, BETA)
    internet.publish("example.com", records, transfer)
    internet.publish("example.org", BETA.zone_records())
    return internet, alpha, beta


@scenario("a server that refuses the transfer is named, and asked again until it gives the zone")
def refused(lab: Lab) -> None:
    internet, alpha, beta = sites_without_dns(lab, ALPHA.zone_records(), transfer="")
    dns = internet.start_dns()
    alpha.start()
    beta.start()
    until(lambda: "192.0.2.53" in alpha.agent.process.log(), "the agent names the server")
    assert not ping(beta.host, _NAME, "-W", "1").ok
    allowed = dns.corefile.read_text().replace(
        "example.com {\n", "example.com {\n    transfer {\n        to *\n    }\n")
    dns.corefile.write_text(allowed)
    dns.restart_after_kill()
    wait_ping(beta.host, _NAME, seconds=30)


@scenario("an agent started before the DNS it needs publishes when that is up")
def before_dns(lab: Lab) -> None:
    internet, alpha, beta = sites_without_dns(lab, ALPHA.zone_records(), transfer="to *")
    alpha.gateway.start()
    alpha.agent.start()
    until(lambda: alpha.agent.process.log(), "the agent logs something")
    internet.start_dns()
    alpha.resolver.start()
    beta.start()
    wait_ping(beta.host, _NAME, seconds=40)


@scenario("a record that cannot be used is named and skipped, the others go on")
def bad_records(lab: Lab) -> None:
    records = [*ALPHA.zone_records(),
               zone.published("nobody", "gw.example.com", "2000"),    # no such local host
               zone.published("lost", "nowhere.example.com", "2001"),  # no such gateway
               zone.published("broken", "gw.example.com", "12-zz")]    # no reference
    internet, alpha, beta = sites_without_dns(lab, records, transfer="to *")
    internet.start_dns()
    alpha.start()
    beta.start()
    wait_ping(beta.host, _NAME)
    for name in ("nobody", "lost", "broken"):
        alpha.agent.process.wait_for(f"{name}.example.com")


@scenario("what the agent no longer publishes cannot be reached any more")
def withdrawn(lab: Lab) -> None:
    internet, alpha, beta = two_sites(lab, replace(ALPHA, ttl=1))
    address = wait_encoded(beta.host, _NAME)
    wait_ping(beta.host, address)
    internet.publish("example.com", [zone.address("gw", ALPHA.context),
                                     zone.published("web", "gw.example.com", "1999", ttl=1)])
    internet.dns.restart_after_kill()
    alpha.agent.restart_after_kill()
    until(lambda: not ping(beta.host, address, "-W", "1").ok, "the old reference is gone")
    wait_ping(beta.host, _NAME)
    until(lambda: wait_encoded(beta.host, _NAME) != address, "another address for another reference")
