# SPDX-License-Identifier: GPL-2.0-or-later
"""Name servers of other makes, on loopback: NSD, Knot DNS, BIND. They give zones away only under a
key (TSIG), keep differences (IXFR) and tell the agent of changes (NOTIFY)."""

from ipaddress import ip_address

from lab import zone
from lab.lab import Lab
from lab.name_server import ADDRESS, KEY, BindMake, KnotMake, NameServer, NsdMake
from lab.namespace import Namespace
from lab.waiting import until

NOTIFY_PORT = 5399


class DnsServer(NameServer):
    """Answers for both zones to everybody, gives "example.com" away to who has the key, and
    "internal" to nobody; NSD to everybody."""

    def __init__(self, lab: Lab, where: Namespace) -> None:
        self._lab = lab
        self._serial = 0
        self.file = lab.path(f"{self.make}/db.example.com")
        self.internal = lab.path(f"{self.make}/db.internal")
        super().__init__(lab, where)

    def write(self, hosts: dict[str, str]) -> None:
        """Both zones: "web" has a local address, and is published as reference 400 and more."""
        self._serial += 1
        published = [zone.published(name, "198.51.100.1", str(ip_address(address).packed[-1]))
                     for name, address in hosts.items()]
        local = [zone.address(name, address) for name, address in hosts.items()]
        server = zone.address("ns", ADDRESS)
        self.internal.write_text(zone.text("internal", [server, *local], self._serial))
        self.file.write_text(zone.text("example.com", [server, *published], self._serial))

    def start(self) -> None:
        self.process.start()
        until(lambda: self.serves("internal", self._serial) and
              self.serves("example.com", self._serial), f"{self.make} answers for its zones")

    def reload(self) -> None:
        self._where.run("kill", "-HUP", str(self.process.pid))


class Nsd(NsdMake, DnsServer):
    def _config(self) -> str:
        return self._head() + f"""zone:
    name: "internal"
    zonefile: "{self.internal}"
    provide-xfr: {ADDRESS} NOKEY
zone:
    name: "example.com"
    zonefile: "{self.file}"
    provide-xfr: {ADDRESS} {KEY}
    notify: {ADDRESS}@{NOTIFY_PORT} {KEY}
    store-ixfr: yes
    create-ixfr: yes
"""

    def reload(self) -> None:
        self._where.run("pkill", "-HUP", "-F", str(self.folder / "nsd.pid"))


class Knot(KnotMake, DnsServer):
    def _config(self) -> str:
        return self._head() + f"""remote:
  - id: agent
    address: {ADDRESS}@{NOTIFY_PORT}
    key: {KEY}
acl:
  - id: agent
    address: {ADDRESS}
    key: {KEY}
    action: transfer
zone:
  - domain: internal
    file: "{self.internal}"
  - domain: example.com
    file: "{self.file}"
    acl: agent
    notify: agent
    zonefile-load: difference
    journal-content: changes
"""


class Bind(BindMake, DnsServer):
    def _config(self) -> str:
        own = ("notify-delay 0", "ixfr-from-differences yes", "allow-transfer { none; }")
        return self._head(*own) + f"""zone "internal" {{ type primary; file "{self.internal}"; notify no; }};
zone "example.com" {{
    type primary;
    file "{self.file}";
    allow-transfer {{ key "{KEY}"; }};
    notify explicit;
    also-notify {{ {ADDRESS} port {NOTIFY_PORT} key "{KEY}"; }};
}};
"""
