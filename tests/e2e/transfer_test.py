# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent with name servers of other makes: AXFR, IXFR, NOTIFY, TSIG, and queries where nothing
else is allowed."""

from lab.dns_servers import NOTIFY_PORT, Bind, DnsServer, Knot, Nsd
from lab.lab import Lab
from lab.lone_agent import agent, metrics, secret_file, transfers
from lab.name_server import ADDRESS, ALGORITHM, KEY, PORT
from lab.namespace import Namespace
from lab.scenario import scenario
from lab.waiting import until

_HOSTS = {f"host{n}": f"10.0.0.{n}" for n in range(1, 101)}


def served(lab: Lab, make: type[DnsServer]) -> tuple[Namespace, DnsServer]:
    """A host where a server of this make has the zones."""
    where = lab.host("dns")
    server = make(lab, where)
    server.write(_HOSTS)
    server.start()
    return where, server


def follow(lab: Lab, make: type[DnsServer]) -> None:
    where, server = served(lab, make)
    made = agent(lab, where, "-notify", f"{ADDRESS}:{NOTIFY_PORT}", "-tsig",
                 f"{KEY}:{ALGORITHM}:{secret_file(lab)}")
    made.start()
    made.wait_for("full set, 100 hosts")
    made.wait_for("+ 10.0.0.7 = 198.51.100.1 + 7\n")
    assert transfers(where, "axfr") == 1
    for change in range(2):  # the next poll is an hour away: NOTIFY brings them
        server.write(_HOSTS | {f"new{n}": f"10.0.0.{200 + n}" for n in range(change + 1)})
        server.reload()
        made.wait_for(f"+ 10.0.0.{200 + change} = 198.51.100.1 + {200 + change}\n")
    until(lambda: transfers(where, "ixfr") == 2, "both changes came as differences")
    assert transfers(where, "axfr") == 1


@scenario("NSD: zone, differences, NOTIFY and TSIG")
def nsd(lab: Lab) -> None:
    follow(lab, Nsd)


@scenario("Knot DNS: zone, differences, NOTIFY and TSIG")
def knot(lab: Lab) -> None:
    follow(lab, Knot)


@scenario("BIND: zone, differences, NOTIFY and TSIG")
def bind(lab: Lab) -> None:
    follow(lab, Bind)


@scenario("a file of sources that cannot be used is told by a metric, and the sources of before stay")
def bad_sources(lab: Lab) -> None:
    where, _ = served(lab, Nsd)
    sources = lab.file("sources", "# none\n")
    made = agent(lab, where, "-sources", str(sources), "-tsig",
                 f"{KEY}:{ALGORITHM}:{secret_file(lab)}")
    made.start()
    made.wait_for("full set, 100 hosts")

    def told(good: int) -> bool:
        return f"ipref_dns_agent_config_last_reload_successful {good}" in metrics(where)

    until(lambda: told(1), "good at start")
    sources.write_text("nonsense\n")
    made.wait_for("the sources of before stay")
    until(lambda: told(0), "bad")
    sources.write_text("# none again\n")
    until(lambda: told(1), "good again")
    assert made.running


@scenario("without the key, or with a wrong one, the zone is refused and the server named")
def wrong_key(lab: Lab) -> None:
    where, _ = served(lab, Knot)
    none = agent(lab, where)
    none.start()
    none.wait_for(f"transfer from {ADDRESS}:{PORT} failed")
    none.stop()
    other = secret_file(lab, "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHNhbWUgbGVuZ3Ro")
    wrong = agent(lab, where, "-tsig", f"{KEY}:{ALGORITHM}:{other}")
    wrong.start()
    wrong.wait_for(f"transfer from {ADDRESS}:{PORT} failed")
    assert "full set" not in wrong.log()


@scenario("a zone that is not given away is asked name by name: the local zone's, in one transfer")
def queried(lab: Lab) -> None:
    where, server = served(lab, Nsd)
    made = agent(lab, where, "-notify", f"{ADDRESS}:{NOTIFY_PORT}", way="/query")
    made.start()
    made.wait_for("full set, 100 hosts")
    made.wait_for("+ 10.0.0.7 = 198.51.100.1 + 7\n")
    server.write(_HOSTS | {"new": "10.0.0.200"})  # the next poll is far away: NOTIFY brings it
    server.reload()
    made.wait_for("+ 10.0.0.200 = 198.51.100.1 + 200\n")
    server.write(_HOSTS)
    server.reload()
    made.wait_for("- 10.0.0.200 = 198.51.100.1 + 200\n")
    assert transfers(where, "queries") == 3
    assert transfers(where, "axfr") == transfers(where, "failed") == 0


@scenario("where nothing can be transferred, the names to ask for stand in a file")
def names_file(lab: Lab) -> None:
    where, server = served(lab, Bind)
    refused = agent(lab, where, way="/query")
    refused.start()
    refused.wait_for("internal. cannot be transferred")
    refused.wait_for("can come from a file (-names)")
    refused.stop()
    names = lab.file("names", "# hosts\nhost1\nhost2.example.com.\nnobody\n")
    made = agent(lab, where, "-notify", f"{ADDRESS}:{NOTIFY_PORT}", "-names", str(names),
                 way="/query")
    made.start()
    made.wait_for("full set, 2 hosts")
    names.write_text("host1\nhost2\nnew\n")
    server.write(_HOSTS | {"new": "10.0.0.200"})
    server.reload()
    made.wait_for("+ 10.0.0.200 = 198.51.100.1 + 200\n")


@scenario("addresses of many hosts come from a transfer of the local zone, where that is allowed")
def local_transfer(lab: Lab) -> None:
    where = lab.host("dns")
    hosts = {f"host{n}": f"10.0.0.{n}" for n in range(1, 251)}
    for make, told in ((Nsd, "hosts' addresses come from a transfer, serial 1"),
                       (Bind, "hosts are looked up one by one")):
        server = make(lab, where)
        server.write(hosts)
        server.start()
        made = agent(lab, where, "-tsig", f"{KEY}:{ALGORITHM}:{secret_file(lab)}")
        made.start()
        made.wait_for("full set, 250 hosts")
        made.wait_for("+ 10.0.0.249 = 198.51.100.1 + 249\n")
        assert told in made.log()
        made.stop()
        server.process.stop()
