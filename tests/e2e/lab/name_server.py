# SPDX-License-Identifier: GPL-2.0-or-later
"""What name servers of other makes have in common, whether they have a zone or follow one: NSD,
Knot DNS and BIND, on loopback, with one key (TSIG)."""

from lab.lab import Lab
from lab.namespace import Namespace

ADDRESS = "127.0.0.1"
PORT = 5300
KEY, ALGORITHM = "agent-key", "hmac-sha256"
SECRET = "c2V2ZW50ZWVuIHNlY3JldCBieXRlcyBhbmQgbW9yZQ=="


class NameServer:
    """A process with a configuration file and a folder to write to."""

    make = ""

    def __init__(self, lab: Lab, where: Namespace) -> None:
        self._where = where
        self.folder = lab.path(f"{self.make}/state/x").parent
        self.folder.mkdir(exist_ok=True)
        config = lab.file(f"{self.make}/{self.make}.conf", self._config())
        self.process = lab.process(f"{where.title} {self.make}", where, self._command(str(config)))

    def serves(self, zone: str, serial: int) -> bool:
        assert self.process.running, f"{self.make} has ended:\n{self.process.log()}"
        answer = self._where.run("dig", "+tries=1", "+time=1", "+short", f"@{ADDRESS}", "-p",
                                 str(PORT), zone, "SOA", check=False)
        return answer.ok and f" {serial} " in answer.output

    def _config(self) -> str:
        raise NotImplementedError

    def _command(self, config: str) -> list[str]:
        raise NotImplementedError


class NsdMake(NameServer):
    make = "nsd"

    def _command(self, config: str) -> list[str]:
        return ["nsd", "-d", "-c", config]

    def _head(self) -> str:
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
"""


class KnotMake(NameServer):
    make = "knot"

    def _command(self, config: str) -> list[str]:
        return ["knotd", "-c", config]

    def _head(self) -> str:
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
"""


class BindMake(NameServer):
    make = "bind"

    def _command(self, config: str) -> list[str]:
        return ["named", "-g", "-n", "1", "-c", config]

    def _head(self, *options: str) -> str:
        """With `options` of its own, each without the semicolon."""
        own = "".join(f"    {option};\n" for option in options)
        return f"""key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};
options {{
    directory "{self.folder}";
    pid-file "{self.folder}/named.pid";
    session-keyfile "{self.folder}/session.key";
    listen-on port {PORT} {{ {ADDRESS}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
{own}}};
controls {{ }};
"""
