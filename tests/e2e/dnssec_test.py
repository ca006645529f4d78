# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent takes signed zones only (-dnssec): signed by BIND's tools, served by NSD."""

import re

from lab.dns_servers import NOTIFY_PORT, Nsd
from lab.lab import Lab
from lab.lone_agent import agent, secret_file
from lab.name_server import ADDRESS, ALGORITHM, KEY
from lab.namespace import Namespace
from lab.process import Process
from lab.scenario import scenario
from lab.waiting import until

_HOSTS = {f"host{n}": f"10.0.0.{n}" for n in range(1, 21)}
_VALID = ("-s", "20200101000000", "-e", "20800101000000")
_EXPIRED = ("-s", "20200101000000", "-e", "20210102030405")


class Signer:
    """Signs what a server's zone file holds."""

    def __init__(self, server: Nsd, where: Namespace) -> None:
        self._server, self._where = server, where
        self.folder = server.folder / "keys"
        self.folder.mkdir()
        for kind in (("-f", "KSK"), ()):
            where.run("dnssec-keygen", "-q", "-K", str(self.folder), "-a", "ECDSAP256SHA256",
                      *kind, "example.com")
        self.anchor = self.folder / "dsset-example.com."

    def sign(self, validity: tuple[str, ...] = _VALID, more: tuple[str, ...] = ()) -> None:
        self._where.run("dnssec-signzone", "-S", "-P", "-K", str(self.folder), "-d",
                        str(self.folder), *validity, *more, "-O", "full", "-o", "example.com", "-f",
                        str(self._server.file), str(self._server.file))


def signed_server(lab: Lab, where: Namespace) -> tuple[Nsd, Signer]:
    server = Nsd(lab, where)
    server.write(_HOSTS)
    signer = Signer(server, where)
    signer.sign()
    server.start()
    return server, signer


def validating(lab: Lab, where: Namespace, signer: Signer, *more: str, way: str = "") -> Process:
    return agent(lab, where, "-dnssec", "-trust-anchor", str(signer.anchor), "-notify",
                 f"{ADDRESS}:{NOTIFY_PORT}", "-tsig", f"{KEY}:{ALGORITHM}:{secret_file(lab)}",
                 *more, way=way)


@scenario("a signed zone is published and followed; expired, changed, unsigned ones change nothing")
def followed(lab: Lab) -> None:
    where = lab.host("dns")
    server, signer = signed_server(lab, where)
    made = validating(lab, where, signer)
    made.start()
    made.wait_for("full set, 20 hosts")
    more = dict(_HOSTS)

    def change(number: int, validity: tuple[str, ...] = _VALID) -> None:
        more[f"new{number}"] = f"10.0.0.{200 + number}"
        server.write(more)
        signer.sign(validity)

    change(0)
    server.reload()
    made.wait_for("+ 10.0.0.200 = 198.51.100.1 + 200\n")
    change(1, _EXPIRED)
    server.reload()
    made.wait_for("the signature expired on 2021-01-02 03:04:05 UTC")
    change(2)
    server.file.write_text(server.file.read_text().replace("198.51.100.1 + 7\"",
                                                           "198.51.100.1 + 77\""))
    server.reload()
    made.wait_for("the TXT records of host7.example.com. are signed, but are not what was signed")
    server.write(more)
    server.reload()
    made.wait_for("example.com. has no DNSKEY record: it is not signed")
    assert "+ 10.0.0.201" not in made.log() and " - 10.0.0." not in made.log()
    change(3)
    server.reload()
    made.wait_for("+ 10.0.0.203 = 198.51.100.1 + 203\n")


@scenario("a zone that is signed by keys that nobody vouches for is not published")
def strangers_keys(lab: Lab) -> None:
    where = lab.host("dns")
    _, signer = signed_server(lab, where)
    signer.anchor.write_text("example.com. IN DS 1 13 2 " + "00" * 32 + "\n")
    made = validating(lab, where, signer)
    made.start()
    made.wait_for("none of the keys of example.com. is trusted")
    assert "full set" not in made.log()


@scenario("a signed zone is asked name by name: what is denied counts only if that is proven")
def queried(lab: Lab) -> None:
    where = lab.host("dns")
    server, signer = signed_server(lab, where)
    names = lab.file("names", "".join(f"host{n}\n" for n in range(1, 6)) + "nobody\n")
    made = validating(lab, where, signer, "-names", str(names), way="/query")
    made.start()
    made.wait_for("full set, 5 hosts")

    def change(*more: str, without: str = "", wildcard: str = "", lose: str = "") -> None:
        """The zone without a host (its local address stays), and, once signed, without lines."""
        def keep(pattern: str) -> None:
            lines = server.file.read_text().splitlines(keepends=True)
            server.file.write_text("".join(
                line for line in lines if not pattern or not re.search(pattern, line)))

        server.write(_HOSTS)
        keep(without and rf"^{without}\b")
        server.file.write_text(server.file.read_text() + wildcard)
        signer.sign(more=more)
        keep(lose)
        server.reload()

    change(without="host2", lose=r"\sRRSIG\s+NSEC\s")
    made.wait_for("TXT: that it has no TXT records is not proven")
    assert "- 10.0.0.2 " not in made.log(), made.log()
    change(without="host2")
    made.wait_for("- 10.0.0.2 = 198.51.100.1 + 2\n")
    change("-3", "-", wildcard='*.example.com. 60 IN TXT "AA 198.51.100.1 + 99"\n')
    until(lambda: made.log().count("+ 10.0.0.2 = 198.51.100.1 + 2\n") == 2, "it is published again")
    change("-3", "-", without="host2")
    until(lambda: made.log().count("- 10.0.0.2 = 198.51.100.1 + 2\n") == 2, "it is withdrawn by NSEC3")
    assert "+ 99" not in made.log(), "a wildcard's is published"
