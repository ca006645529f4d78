# SPDX-License-Identifier: GPL-2.0-or-later
"""NSD, Knot DNS and BIND as secondaries of "test.example", on loopback. They ask the primary with a
key, take nothing that is not signed with it, and listen to a NOTIFY only if that is, too (BIND to
any of the primary's address)."""

from lab.name_server import ADDRESS, KEY, BindMake, KnotMake, NameServer, NsdMake
from lab.waiting import until

ZONE = "test.example"


class Secondary(NameServer):
    def wait_serial(self, serial: int) -> None:
        until(lambda: self.serves(ZONE, serial), f"{self.make} has serial {serial}")


class NsdSecondary(NsdMake, Secondary):
    def _config(self) -> str:
        return self._head() + f"""zone:
    name: "{ZONE}"
    zonefile: "{self.folder}/zone"
    request-xfr: AXFR {ADDRESS}@53 {KEY}
    allow-notify: {ADDRESS} {KEY}
"""


class KnotSecondary(KnotMake, Secondary):
    def _config(self) -> str:
        return self._head() + f"""remote:
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


class BindSecondary(BindMake, Secondary):
    def _config(self) -> str:
        return self._head("notify no") + f"""zone "{ZONE}" {{
    type secondary;
    file "zone";
    primaries {{ {ADDRESS} port 53 key "{KEY}"; }};
}};
"""
