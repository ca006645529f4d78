# SPDX-License-Identifier: GPL-2.0-or-later
"""The DNS server as primary and as secondary of NSD, Knot DNS and BIND, with a key between them:
NOTIFY, questions for the serial and transfers are signed, and nothing else is taken."""

from lab import zone
from lab.dns_servers import NOTIFY_PORT, Bind, DnsServer, Knot, Nsd
from lab.lab import Lab
from lab.name_server import ADDRESS, KEY, PORT, SECRET
from lab.programs import Resolver
from lab.scenario import scenario
from lab.secondaries import ZONE, BindSecondary, KnotSecondary, NsdSecondary, Secondary
from lab.waiting import until

_TSIG = f"""tsig {{
        secret {KEY} {SECRET}
        require_opcode NOTIFY
    }}"""


def gives(lab: Lab, make: type[Secondary]) -> None:
    """Our server has the zone, the other one follows it."""
    where = lab.host("dns")
    file = lab.path("db.test.example")

    def write(serial: int) -> None:
        fresh = lab.file("db.fresh", zone.text(ZONE, [zone.address("ns", ADDRESS)], serial))
        fresh.rename(file)

    write(1)
    ours = Resolver(lab, where, ADDRESS, f"""{ZONE} {{
    bind {ADDRESS}
    debug
    {_TSIG}
    file {file} {{
        reload 100ms
    }}
    transfer {{
        to {ADDRESS}:{PORT} key {KEY}
    }}
}}
""")
    ours.start()
    other = make(lab, where)
    other.process.start()
    other.wait_serial(1)
    told = len(ours.process.log())
    for serial in (2, 3):
        write(serial)  # refresh and retry are an hour: NOTIFY brings it
        other.wait_serial(serial)
    # That is told, with plugin debug, of one that was acknowledged with a good signature.
    acknowledged = f"plugin/transfer: notify of zone {ZONE}. sent to {ADDRESS}:{PORT}"
    until(lambda: acknowledged in ours.process.log()[told:], "a NOTIFY is acknowledged")
    refused = where.run("dig", "+tries=1", f"@{ADDRESS}", ZONE, "AXFR", check=False)
    assert "Transfer failed" in refused.output, refused


@scenario("NSD follows a zone of the DNS server by signed NOTIFY and transfers")
def to_nsd(lab: Lab) -> None:
    gives(lab, NsdSecondary)


@scenario("Knot DNS follows a zone of the DNS server by signed NOTIFY and transfers")
def to_knot(lab: Lab) -> None:
    gives(lab, KnotSecondary)


@scenario("BIND follows a zone of the DNS server by signed NOTIFY and transfers")
def to_bind(lab: Lab) -> None:
    gives(lab, BindSecondary)


def takes(lab: Lab, make: type[DnsServer]) -> None:
    """The other server has the zone, ours follows it."""
    where = lab.host("dns")
    other = make(lab, where)
    hosts = {f"host{n}": f"10.0.0.{n}" for n in range(1, 11)}
    other.write(hosts)
    other.start()
    ours = Resolver(lab, where, ADDRESS, f""". {{
    bind {ADDRESS}
    whoami
}}
example.com:{NOTIFY_PORT} {{
    bind {ADDRESS}
    {_TSIG}
    secondary {{
        transfer from {ADDRESS}:{PORT} key {KEY}
    }}
}}
""")
    ours.start()

    def has(name: str) -> bool:
        return where.run("dig", "+tries=1", "+time=1", "+short", f"@{ADDRESS}", "-p",
                         str(NOTIFY_PORT), f"{name}.example.com", "TXT", check=False
                         ).output.startswith('"AA ')

    until(lambda: has("host10"), "the zone is transferred with a signature")
    for change in range(2):
        other.write(hosts | {f"new{change}": f"10.0.0.{200 + change}"})
        other.reload()
        until(lambda: has(f"new{change}"), f"NOTIFY brings change {change}")
    unsigned = where.run("dig", "+tries=1", f"@{ADDRESS}", "-p", str(NOTIFY_PORT), "-b", ADDRESS,
                         "+opcode=NOTIFY", "example.com", "SOA", check=False)
    assert "REFUSED" in unsigned.output, unsigned


@scenario("the DNS server follows a zone of NSD by signed NOTIFY and transfers")
def from_nsd(lab: Lab) -> None:
    takes(lab, Nsd)


@scenario("the DNS server follows a zone of Knot DNS by signed NOTIFY and transfers")
def from_knot(lab: Lab) -> None:
    takes(lab, Knot)


@scenario("the DNS server follows a zone of BIND by signed NOTIFY and transfers")
def from_bind(lab: Lab) -> None:
    takes(lab, Bind)
