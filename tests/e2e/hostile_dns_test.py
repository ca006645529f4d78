# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and name servers that are hostile or broken: bounded in memory and time, named in the log
with what to do, and nothing that is published changes."""

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

from lab.hostile_dns import TC, Asked, Behaviour, HostileDns, framed, honest, txt
from lab.lab import Lab
from lab.process import Process
from lab.scenario import scenario
from lab.v1_gateway import V1Gateway
from lab.waiting import until

_ADDRESS, _PORT, _NOTIFY_PORT = "127.0.0.1", 5300, 5399
_SOURCE = "internal:example.com"
_MEGABYTES = 4  # what the agent takes from a server, in one answer
_SERVER = f"{_ADDRESS}:{_PORT}"


class Site:
    """A server, a gateway that speaks V1, and an agent between them that has published hosts."""

    def __init__(self, lab: Lab) -> None:
        where = lab.host("gw")
        self.dns = HostileDns(where, _ADDRESS, _PORT, "example.com", "internal")
        self.dns.hosts = {f"host{n}": f"10.0.0.{n}" for n in range(1, 11)}
        self.gateway = V1Gateway(lab.path("mapper.sock"))
        self.gateway.start()
        self.agent: Process = lab.process("ipref-dns-agent", where, [
            lab.program("ipref-dns-agent"), "-m", f"unix://{self.gateway.path}",
            "-mapper-protocol", "v1", "-resolver", _SERVER, "-notify",
            f"{_ADDRESS}:{_NOTIFY_PORT}", "-max-transfer-size", str(_MEGABYTES),
            "-max-transfer-time", "2", "-max-transfer-idle", "1", f"{_SOURCE}:{_SERVER}"],
            ours=True)
        self.agent.start()
        self.held = self.wait_published()
        self.memory = self.peak()

    def wait_published(self) -> dict[str, str]:
        """Waits until the gateway has the server's hosts; returns them."""
        hosts = {f"198.51.100.1 + {int(ip.split('.')[-1]):x}": ip
                 for ip in self.dns.hosts.values()}
        until(lambda: self.gateway.hosts(_SOURCE) == hosts, "the gateway has the server's hosts")
        return hosts

    def changed(self, behaviour: Behaviour) -> None:
        self.dns.behaviour = behaviour
        self.dns.notify(_ADDRESS, _NOTIFY_PORT)

    def peak(self) -> float:
        """The most memory that the agent has had, in MB."""
        status = Path(f"/proc/{self.agent.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def refuses(self, behaviour: Behaviour, *says: str) -> None:
        """The zone changes, and comes in a way that the agent must refuse."""
        said = len(self.agent.log())
        self.changed(behaviour)

        def told() -> bool:
            log = self.agent.log()[said:]
            return all(text in log for text in says)
        until(told, f"the agent says {says}")
        assert self.gateway.hosts(_SOURCE) == self.held, "what is published has changed"

    def recovers(self) -> None:
        """As soon as the server is right, a change is published."""
        self.dns.hosts["new"] = "10.0.0.99"
        self.changed(honest)
        self.wait_published()
        assert self.peak() - self.memory < 150, f"{self.memory} MB have become {self.peak()}"


def endless(records: bool) -> Behaviour:
    def answer(server: HostileDns, asked: Asked) -> Iterator[bytes]:
        yield asked.message([server.soa()])
        for message in itertools.count():
            yield asked.message([txt(f"h{message}-{n}.example.com" if records else "x.other.net",
                                     f"AA 198.51.100.1 + {message + n:x}") for n in range(900)])
    return answer


def dripping(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa()])
    while True:
        time.sleep(0.05)  # the pace of the server, not a wait for anything
        yield asked.message([txt("drip.example.com", "AA 198.51.100.1 + 1")])


def silent(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa()])
    time.sleep(5)


def wrong_zone(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), server.soa()], zone="other.net")


def wrong_id(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), server.soa()], id_off_by=1)


def cut(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa()], flags=TC)


def hung_up(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), *server.records()[:3]])


def hung_up_within(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), *server.records()])[:-7]


def two_zones(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), *server.records(), server.soa(server.serial + 1)])


def no_end_of_records(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    """The header promises more than the longest message could hold."""
    whole = bytearray(asked.message([server.soa(), *server.records()]))
    whole[8:10] = b"\xff\xff"
    yield bytes(whole)


def longer_than_its_message(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    """A record's length leads out of the message."""
    record = bytearray(server.soa())
    record[-24:-22] = b"\xff\xff"
    yield asked.message([bytes(record)])


def noise(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield framed(bytes(range(256)) * 255)


def out_of_zone(server: HostileDns, asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), txt("evil.other.net", "AA 198.51.100.1 + 1"),
                         *server.records(), server.soa()])


@scenario("a server that breaks the protocol is named with what it did, and changes nothing")
def broken(lab: Lab) -> None:
    site = Site(lab)
    failed = f"transfer from {_SERVER} failed: "
    see = f"see what it gives: dig @{_ADDRESS} -p {_PORT} example.com. AXFR"
    for behaviour, says in (
            (wrong_zone, "it answers other.net. AXFR, asked was example.com. AXFR"),
            (wrong_id, "answer to id "),
            (cut, "an answer is cut (TC)"),
            (hung_up, "the server closed the connection after "),
            (hung_up_within, "the server closed the connection "),
            (two_zones, "the zone changed during the transfer"),
            (no_end_of_records, "message 1 is malformed"),
            (longer_than_its_message, "malformed"),
            (noise, failed)):
        asked = len(site.dns.asked)
        site.refuses(behaviour, failed, says, "next try in" if behaviour is hung_up_within else see)
        # Serial, differences, zone; NOTIFY may be early for a try that was due.
        assert len(site.dns.asked) - asked <= 6, f"{behaviour.__name__}: {site.dns.asked[asked:]}"
    site.recovers()


@scenario("records out of the zone are named and passed over, the others go on")
def foreign(lab: Lab) -> None:
    site = Site(lab)
    site.refuses(out_of_zone, "evil.other.net.: not in the zone, passed over")
    site.recovers()


@scenario("an endless zone is given up at its size, in bounded memory")
def too_large(lab: Lab) -> None:
    site = Site(lab)
    for records in (True, False):
        before = site.dns.sent
        site.refuses(endless(records), f"it sends more than {_MEGABYTES << 20} bytes",
                     "raise -max-transfer-size")
        # As differences and as a zone; what the sockets hold comes on top.
        assert site.dns.sent - before < 4 * (_MEGABYTES << 20) + (16 << 20), site.dns.sent
    site.recovers()


@scenario("a server that drips, or falls silent, is given up in time")
def too_slow(lab: Lab) -> None:
    site = Site(lab)
    site.refuses(silent, "the server has sent nothing for 1 s", "raise -max-transfer-idle")
    site.refuses(dripping, "it takes more than 2 s", "raise -max-transfer-time")
    site.recovers()
