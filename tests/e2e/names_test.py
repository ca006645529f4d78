# SPDX-License-Identifier: GPL-2.0-or-later
"""Opening by name what lives behind the other gateway: the suite's main job."""

from dataclasses import replace

from lab import zone
from lab.clients import curl, dig, ping, serve_pages, wait_encoded, wait_ping
from lab.internet import Internet
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Plan, Site
from lab.worlds import ALPHA, BETA, over_ipv6, two_sites, with_ipv6_lan


def opens_page(lab: Lab, client: Site, server: Site) -> None:
    """DNS, ping and web from `client` to the published host "web" of `server`."""
    name = f"web.{server.plan.domain}"
    page = f"the page of {server.plan.name}\n"
    web = serve_pages(lab, server.host, {"index.html": page}, ipv6=server.plan.ea_family == "6")
    wait_encoded(client.host, name, client.plan.encode)
    wait_ping(client.host, name)
    got = curl(client.host, f"http://{name}/")
    assert got.output == page, got
    web.stop()


def both_ways(lab: Lab, alpha: Plan, beta: Plan) -> None:
    _, left, right = two_sites(lab, alpha, beta)
    opens_page(lab, left, right)
    opens_page(lab, right, left)


@scenario("IPv4 sites with the same local network open each other's pages by name")
def ipv4_sites(lab: Lab) -> None:
    both_ways(lab, ALPHA, BETA)


@scenario("an IPv4 and an IPv6 site open each other's pages over an IPv4 Internet")
def mixed_over_ipv4(lab: Lab) -> None:
    both_ways(lab, ALPHA, with_ipv6_lan(BETA))


@scenario("an IPv4 and an IPv6 site open each other's pages over an IPv6 Internet")
def mixed_over_ipv6(lab: Lab) -> None:
    both_ways(lab, over_ipv6(ALPHA), over_ipv6(with_ipv6_lan(BETA)))


@scenario("IPv6 sites open each other's pages over an IPv4 Internet")
def ipv6_over_ipv4(lab: Lab) -> None:
    both_ways(lab, with_ipv6_lan(ALPHA), with_ipv6_lan(BETA))


@scenario("IPv6 sites open each other's pages over an IPv6 Internet")
def ipv6_sites(lab: Lab) -> None:
    both_ways(lab, over_ipv6(with_ipv6_lan(ALPHA)), over_ipv6(with_ipv6_lan(BETA)))


@scenario("names of IPREF hosts have addresses of the site's family only; other names are served")
def answers(lab: Lab) -> None:
    internet, alpha, _ = two_sites(lab)
    first = wait_encoded(alpha.host, "web.example.org")
    assert dig(alpha.host, "web.example.org").data("A") == [first], "the mapping has changed"
    other_family = dig(alpha.host, "web.example.org", "AAAA")
    assert other_family.status == "NOERROR" and not other_family.records, other_family.done
    plain = dig(alpha.host, "gw.example.org")
    assert plain.data("A") == ["198.51.100.20"], plain.done
    missing = dig(alpha.host, "nobody.example.org")
    assert missing.status == "NXDOMAIN", missing.done
    local = dig(alpha.host, "web.internal")
    assert local.data("A") == [alpha.address], local.done
    spelled = dig(alpha.host, "WeB.eXample.ORG")
    assert spelled.records[0][0] == "WeB.eXample.ORG.", spelled.done


@scenario("a host that nobody publishes cannot be reached, and the client is told so")
def unpublished(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    wait_ping(alpha.host, "web.example.org")
    unused = ping(alpha.host, "10.255.1.2")
    assert "Net Unreachable" in unused.output, unused


@scenario("agent and resolver forced to V1 do the same job")
def all_v1(lab: Lab) -> None:
    both_ways(lab, replace(ALPHA, mapper_protocol="v1"), replace(BETA, mapper_protocol="v1"))


@scenario("two hosts of one site are two addresses at the other, each reached")
def two_hosts(lab: Lab) -> None:
    internet = Internet(lab)
    beta_plan = replace(BETA, published={"web": "1026", "db": "ab-cdef-0-0-0-0-0-1"})
    alpha, beta = Site(lab, internet, ALPHA), Site(lab, internet, beta_plan)
    second = beta.add_host("db")
    internet.publish("example.org", beta_plan.zone_records())
    internet.start_dns()
    for site in (alpha, beta):
        site.start()
    for host, name in ((beta.host, "web"), (second, "db")):
        serve_pages(lab, host, {"index.html": name})
        wait_ping(alpha.host, f"{name}.example.org")
        got = curl(alpha.host, f"http://{name}.example.org/")
        assert got.output == name, got
    addresses = {wait_encoded(alpha.host, f"{name}.example.org") for name in ("web", "db")}
    assert len(addresses) == 2, addresses


@scenario("an alias is followed, and is in the answer")
def alias(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab, beta=replace(BETA, records=("www IN CNAME web",)))
    address = wait_encoded(alpha.host, "web.example.org")
    answer = dig(alpha.host, "www.example.org")
    assert answer.data("CNAME") == ["web.example.org."], answer.done
    assert answer.data("A") == [address], answer.done


@scenario("records that name an impossible gateway or no reference are never mapped")
def hostile_records(lab: Lab) -> None:
    gateways = ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.240.0.9")
    records = [zone.published(f"bad{at}", gateway, "5") for at, gateway in enumerate(gateways)]
    records.append(zone.published("bad5", "gw.example.org", "1-2-3-4-5-6-7-8-9"))
    _, alpha, _ = two_sites(lab, beta=replace(BETA, records=tuple(records)))
    wait_encoded(alpha.host, "web.example.org")
    for number in range(len(records)):
        answer = dig(alpha.host, f"bad{number}.example.org")
        assert not answer.data("A"), answer.done
