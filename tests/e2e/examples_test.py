# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example of docs/EXAMPLES.md starts as it stands there; only files and sockets go elsewhere."""

import json
import shlex

from lab import zone
from lab.admin import Admin
from lab.clients import curl, dig
from lab.internet import Internet
from lab.lab import Lab
from lab.programs import Agent, Gateway, Resolver
from lab.readme import marked
from lab.scenario import scenario
from lab.waiting import until


class Example:
    """The blocks of one, on a machine that has every address they name."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab = lab
        self.where = lab.host("example", forwarding=True)
        self._internet = Internet(lab)
        self._internet.connect(self.where, "203.0.113.5/24", "2001:db8::5/64")
        self.where.ip("link add lan type bridge", "link set lan up",
                      "address add 192.168.1.1/24 dev lan", "address add 192.168.1.2/24 dev lan",
                      "address add fd00:1::1/64 dev lan",
                      "link add wg0 type bridge", "link set wg0 mtu 1420 up",
                      "address add 10.99.0.1/24 dev wg0")
        self.where.use_nameserver("192.168.1.1")
        blocks = marked(name)
        assert blocks, f"no example names {name}"
        commands = [shlex.split(command) for block in blocks for command in block.commands()
                    if command.startswith("ipref-")]
        self._commands = {words[0]: words[1:] for words in commands}
        self._texts = [block.text() for block in blocks if not block.text().startswith("ipref-")]
        self._publish()
        self._start()

    def _text(self, part: str) -> str:
        return next((text for text in self._texts if part in text), "")

    def _publish(self) -> None:
        """The public zone: that of the example, or one that has something to be reached."""
        records = self._text("IN TXT").splitlines() or [
            zone.address("gw", "198.51.100.9"), zone.published("web", "gw.example.com", "1025")]
        self._internet.publish("example.com", records)
        self._internet.start_dns()

    def _start(self) -> None:
        self.gateway = Gateway(self._lab, self.where, *self._commands["ipref-gw"],
                               hosts=self._text("#="))
        self.gateway.start()
        self.admin = Admin(self._lab, self.gateway)
        if corefile := self._text("ipref {"):
            self.resolver = self._resolver(corefile)
            self.resolver.start()
        if "ipref-dns-agent" in self._commands:
            self.agent = Agent(self._lab, self.where, self.gateway.socket, [],
                               *self._commands["ipref-dns-agent"])
            self.agent.start()

    def _resolver(self, corefile: str) -> Resolver:
        internal = self._lab.file("db.internal", self._text("IN SOA"))
        text = corefile.replace("db.internal", str(internal))
        text = text.replace("ipref {", f"ipref {{\n        mapper {self.gateway.socket}")
        address = next(line.split()[1] for line in text.splitlines() if "bind " in line)
        made = Resolver(self._lab, self.where, address, text)
        made.process.command += self._commands.get("ipref-coredns", ["-conf", "Corefile"])[2:]
        return made

    def published(self) -> set[str]:
        """Our hosts that others can reach."""
        return {each["ip"] for each in self.admin.json("mappings")["mappings"]
                if each["owner"] not in ("dynamic", "gateway") and each["host"] == "local"}

    def encoded(self, server: str, kind: str = "A") -> list[str]:
        return dig(self.where, "web.example.com", kind, f"@{server}").data(kind)


@scenario("docs/EXAMPLES.md: a site that reaches others")
def client(lab: Lab) -> None:
    example = Example(lab, "client")
    [address] = until(lambda: example.encoded("127.0.0.2"), "an encoded address")
    assert address.startswith("10."), address
    example.agent.process.wait_for("nothing is published")


@scenario("docs/EXAMPLES.md: one published host, by hand")
def by_hand(lab: Lab) -> None:
    example = Example(lab, "by_hand")
    until(lambda: example.published() == {"192.168.1.10"}, "the host of the hosts file")


@scenario("docs/EXAMPLES.md: many hosts, published from DNS")
def from_dns(lab: Lab) -> None:
    example = Example(lab, "from_dns")
    until(lambda: example.published() == {"192.168.1.10", "192.168.1.11"}, "the agent's hosts")


@scenario("docs/EXAMPLES.md: IPv4 and IPv6")
def families(lab: Lab) -> None:
    example = Example(lab, "families")
    assert until(lambda: example.encoded("192.168.1.1"), "an address")[0].startswith("10.")
    assert until(lambda: example.encoded("fd00:1::1", "AAAA"), "an address")[0].startswith("fd00:240:")


@scenario("docs/EXAMPLES.md: watched by Prometheus, logs as JSON")
def watched(lab: Lab) -> None:
    example = Example(lab, "watched")
    for place in ("9103/metrics", "9103/healthz", "9103/", "9104/metrics", "9153/metrics",
                  "8080/healthz", "8181/readyz"):
        until(lambda: curl(example.where, f"http://127.0.0.1:{place}", "-f").ok, f"{place} answers")
    until(lambda: "serving .:53 on 127.0.0.2" in example.resolver.process.log(), "it says what it serves")
    for process in (example.gateway.process, example.agent.process, example.resolver.process):
        for line in process.log().splitlines():
            assert json.loads(line), line


@scenario("docs/EXAMPLES.md: encrypted, inside WireGuard")
def wireguard(lab: Lab) -> None:
    assert Example(lab, "wireguard").admin.json("status")["tun"]["mtu"] == 1380
