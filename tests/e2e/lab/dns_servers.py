# SPDX-License-Identifier: GPL-2.0-or-later
"""Name servers of other makes, on loopback: NSD, Knot DNS, BIND. They give zones away only under a
key (TSIG), keep differences (IXFR) and tell the agent of changes (NOTIFY)."""

from ipaddress import ip_address

from lab import zone
from lab.lab import Lab
from lab.namespace import Namespace
from lab.waiting import until

ADDRESS = "127.0.0.1"
PORT = 5300
NOTIFY_PORT = 5399
KEY, ALGORITHM = "agent-key", "hmac-sha256"
SECRET = "c2V2ZW50ZWVuIHNlY3JldCBieXRlcyBhbmQgbW9yZQ=="


class DnsServer:
    """Answers for both zones to everybody, gives "example.com" away to who has the key, and
    "internal" to nobody; NSD to everybody."""

    make = ""

    def __init__(self, lab: Lab, where: Namespace) -> None:
        self._lab, self._where = lab, where
        self._serial = 0
        self.folder = lab.path(f"{self.make}/state/x").parent
        self.folder.mkdir(exist_ok=True)
        self.file = lab.path(f"{self.make}/db.example.com")
        self.internal = lab.path(f"{self.make}/db.internal")
        config = lab.file(f"{self.make}/{self.make}.conf", self._config())
        self.process = lab.process(f"{where.title} {self.make}", where, self._command(str(config)))

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
        until(lambda: self._serves("internal") and self._serves("example.com"),
              f"{self.make} answers for its zones")

    def reload(self) -> None:
        raise NotImplementedError

    def _serves(self, name: str) -> bool:
        assert self.process.running, f"{self.make} has ended:\n{self.process.log()}"
        answer = self._where.run("dig", "+tries=1", "+time=1", "+short", f"@{ADDRESS}", "-p",
                                 str(PORT), name, "SOA", check=False)
        return answer.ok and f" {self._serial} " in answer.output

    def _config(self) -> str:
        raise NotImplementedError

    def _command(self, config: str) -> list[str]:
        raise NotImplementedError


class Nsd(DnsServer):
    make = "nsd"

    def _config(self) -> str:
        return f"""server:
    ip-address: {ADDRESS}@{PORT}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{self.folder}"
    pidfile: "{self.folder}/nsd.pid"
    xfrdfile: "{self.folder}/xfrd.state"
    xfrdir: "{self.folder}"
    zonelistfile: "{self.folder}/zone.list"
remote-control:
    control-enable: no
key:
    name: "{KEY}"
    algorithm: {ALGORITHM}
    secret: "{SECRET}"
zone:
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

    def _command(self, config: str) -> list[str]:
        return ["nsd", "-d", "-c", config]

    def reload(self) -> None:
        self._where.run("pkill", "-HUP", "-F", str(self.folder / "nsd.pid"))


class Knot(DnsServer):
    make = "knot"

    def _config(self) -> str:
        return f"""server:
    listen: {ADDRESS}@{PORT}
    rundir: "{self.folder}"
database:
    storage: "{self.folder}"
log:
  - target: stdout
    any: info
key:
  - id: {KEY}
    algorithm: {ALGORITHM}
    secret: {SECRET}
remote:
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

    def _command(self, config: str) -> list[str]:
        return ["knotd", "-c", config]

    def reload(self) -> None:
        self._where.run("kill", "-HUP", str(self.process.pid))


class Bind(DnsServer):
    make = "bind"

    def _config(self) -> str:
        return f"""key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};
options {{
    directory "{self.folder}";
    pid-file "{self.folder}/named.pid";
    session-keyfile "{self.folder}/session.key";
    listen-on port {PORT} {{ {ADDRESS}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify-delay 0;
    ixfr-from-differences yes;
    allow-transfer {{ none; }};
}};
controls {{ }};
zone "internal" {{ type primary; file "{self.internal}"; notify no; }};
zone "example.com" {{
    type primary;
    file "{self.file}";
    allow-transfer {{ key "{KEY}"; }};
    notify explicit;
    also-notify {{ {ADDRESS} port {NOTIFY_PORT} key "{KEY}"; }};
}};
"""

    def _command(self, config: str) -> list[str]:
        return ["named", "-g", "-n", "1", "-c", config]

    def reload(self) -> None:
        self._where.run("kill", "-HUP", str(self.process.pid))
