# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and a gateway that speaks V1 only."""

import signal

from lab.dns_servers import NOTIFY_PORT, Nsd
from lab.lab import Lab
from lab.name_server import ADDRESS, ALGORITHM, KEY, PORT, SECRET
from lab.scenario import scenario
from lab.v1_gateway import V1Gateway
from lab.v1_messages import HASH, HASH_ACK, HOSTS, HOSTS_ACK, UNKNOWN, UNKNOWN_NACK
from lab.waiting import until

_SOURCE = "internal:example.com"
_HOSTS = {f"host{n}": f"10.0.0.{n}" for n in range(1, 101)}  # more than one packet holds


def packed(text: str) -> bytes:
    return bytes.fromhex(text)


def published(hosts: dict[str, str]) -> dict[str, str]:
    """What a gateway has of them: see DnsServer.write."""
    return {f"198.51.100.1 + {int(ip.split('.')[-1]):x}": ip for ip in hosts.values()}


@scenario("the stand-in for a V1 gateway gives the recorded answers")
def stand_in(lab: Lab) -> None:
    made = V1Gateway(lab.path("mapper.sock"))
    assert made.answer(packed(HASH)) == packed(HASH_ACK.replace("118f", "11cf", 1)), "not held yet"
    assert made.answer(packed(HOSTS)) == packed(HOSTS_ACK)
    assert made.answer(packed(HASH)) == packed(HASH_ACK)
    assert made.answer(packed(UNKNOWN)) == packed(UNKNOWN_NACK)
    assert made.hosts(_SOURCE) == {"203.0.113.1 + 409": "10.1.0.33",
                                   "203.0.113.1 + 40a": "10.1.0.34"}, "the recorded hash is theirs"
    assert not made.flaws, made.flaws


@scenario("a gateway that speaks V1 only gets hosts, changes and withdrawals, and all of it again")
def agent(lab: Lab) -> None:
    where = lab.host("gw")
    dns = Nsd(lab, where)
    dns.write(_HOSTS)
    dns.start()
    gateway = V1Gateway(lab.path("mapper.sock"))
    gateway.start()
    secret = lab.file("secret", SECRET + "\n")
    secret.chmod(0o600)
    sources = lab.file("sources", f"{_SOURCE}:{ADDRESS}:{PORT}\n")
    made = lab.process("ipref-dns-agent", where, [
        lab.program("ipref-dns-agent"), "-m", f"unix://{gateway.path}", "-debug",
        "-resolver", f"{ADDRESS}:{PORT}", "-notify", f"{ADDRESS}:{NOTIFY_PORT}",
        "-tsig", f"{KEY}:{ALGORITHM}:{secret}", "-sources", str(sources)], ours=True)
    made.start()

    def holds(hosts: dict[str, str], when: str) -> None:
        until(lambda: gateway.hosts(_SOURCE) == published(hosts), f"the gateway has it {when}")
        assert not gateway.flaws, gateway.flaws

    holds(_HOSTS, "at first")
    assert gateway.dropped == 1, "a hello in the other protocol, then none"
    made.wait_for("protocol V1")
    grown = _HOSTS | {"new": "10.0.0.200"}
    for hosts, when in ((grown, "after a change"), (_HOSTS, "after a host has gone")):
        dns.write(hosts)
        dns.reload()
        holds(hosts, when)
    gateway.stop()
    gateway.start()
    holds(_HOSTS, "after its restart")
    gateway.forget()  # the next poll's hash tells
    dns.write(_HOSTS)
    dns.reload()
    holds(_HOSTS, "after it has forgotten")
    sources.write_text("")
    made.signal(signal.SIGHUP)
    holds({}, "when the source is given up")
