# SPDX-License-Identifier: GPL-2.0-or-later
"""NSD, Knot DNS and BIND as secondaries of "test.example", on loopback. They ask the primary with a
key, take nothing that is not signed with it, and listen to a NOTIFY only if that is, too (BIND to
any of the primary's address)."""

from lab.dns_servers import ADDRESS, ALGORITHM, KEY, PORT, SECRET
from lab.lab import Lab
from lab.namespace import Namespace
from lab.waiting import until

ZONE = "test.example"


class Secondary:
    make = ""

    def __init__(self, lab: Lab, where: Namespace) -> None:
        self._where = where
        self.folder = lab.path(f"{self.make}/state/x").parent
        self.folder.mkdir(exist_ok=True)
        config = lab.file(f"{self.make}/{self.make}.conf", self._config())
        self.process = lab.process(f"{where.title} {self.make}", where, self._command(str(config)))

    def wait_serial(self, serial: int) -> None:
        def has() -> bool:
            assert self.process.running, f"{self.make} has ended:\n{self.process.log()}"
            answer = self._where.run("dig", "+tries=1", "+time=1", "+short", f"@{ADDRESS}", "-p",
                                     str(PORT), ZONE, "SOA", check=False)
            return answer.ok and f" {serial} " in answer.output
        until(has, f"{self.make} has serial {serial}")

    def _config(self) -> str:
        raise NotImplementedError

    def _command(self, config: str) -> list[str]:
        raise NotImplementedError


class NsdSecondary(Secondary):
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
    name: "{ZONE}"
    zonefile: "{self.folder}/zone"
    request-xfr: AXFR {ADDRESS}@53 {KEY}
    allow-notify: {ADDRESS} {KEY}
"""

    def _command(self, config: str) -> list[str]:
        return ["nsd", "-d", "-c", config]


class KnotSecondary(Secondary):
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
  - id: primary
    address: {ADDRESS}@53
    key: {KEY}
acl:
  - id: primary
    address: {ADDRESS}
    key: {KEY}
    action: notify
zone:
  - domain: {ZONE}
    file: "{self.folder}/zone"
    master: primary
    acl: primary
"""

    def _command(self, config: str) -> list[str]:
        return ["knotd", "-c", config]


class BindSecondary(Secondary):
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
    notify no;
}};
controls {{ }};
zone "{ZONE}" {{
    type secondary;
    file "zone";
    primaries {{ {ADDRESS} port 53 key "{KEY}"; }};
}};
"""

    def _command(self, config: str) -> list[str]:
        return ["named", "-g", "-n", "1", "-c", config]
