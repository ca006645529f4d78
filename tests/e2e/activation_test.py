# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets that the service manager opens, and what it is told: DNS server, mapper socket."""

import signal
import socket

from lab.clients import dig
from lab.lab import Lab
from lab.manager import ServiceManager
from lab.namespace import Namespace
from lab.programs import Gateway, Resolver
from lab.scenario import scenario
from lab.v1 import Peer
from lab.v1_messages import GET
from lab.waiting import until

_AT = "127.0.0.1"
_COREFILE = f""". {{
    bind {_AT}
    hosts {{
        192.0.2.7 here.test
    }}
}}
"""
_NO_CAPABILITIES = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")


def dns_server(lab: Lab, where: Namespace) -> tuple[Resolver, ServiceManager]:
    """Started without any capability, with sockets on port 53."""
    resolver = Resolver(lab, where, _AT, _COREFILE)
    resolver.process.command = [*_NO_CAPABILITIES, *resolver.process.command]
    manager = ServiceManager(lab, resolver.process)
    manager.watchdog_seconds = 1
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with where.open_socket(socket.AF_INET, kind) as made:
            made.bind((_AT, 53))
            if kind == socket.SOCK_STREAM:
                made.listen()
            manager.listen("dns", made)
    resolver.start()
    manager.wait_for("READY=1")
    return resolver, manager


def here(where: Namespace, *options: str) -> list[str]:
    return dig(where, "here.test", "A", f"@{_AT}", *options).data("A")


@scenario("a DNS server with its manager's sockets needs no privilege and misses no query")
def dns(lab: Lab) -> None:
    where = lab.host("dns")
    resolver, manager = dns_server(lab, where)
    for options in ([], ["+tcp"]):
        assert here(where, *options) == ["192.0.2.7"]
    resolver.process.stop()
    manager.wait_for("STOPPING=1")
    waiting = [lab.process(f"dig {option}", where, [
        "dig", "+tries=1", "+time=15", option, "+short", f"@{_AT}", "here.test", "A"])
        for option in ("+notcp", "+tcp")]
    for each in waiting:
        each.start()
    until(lambda: _queued(where) == {"udp", "tcp"}, "both wait in the sockets' queues")
    resolver.start()
    for each in waiting:
        assert each.wait(20) == 0 and each.log().strip() == "192.0.2.7", each.log()


def _queued(where: Namespace) -> set[str]:
    lines = where.run("ss", "-Hlnut", "sport", "=", ":53").output.splitlines()
    return {fields[0] for fields in map(str.split, lines) if int(fields[2]) > 0}


@scenario("a DNS server tells its manager of a reload, and its workers feed the watchdog")
def told(lab: Lab) -> None:
    where = lab.host("dns")
    resolver, manager = dns_server(lab, where)
    manager.wait_for("WATCHDOG=1")
    resolver.corefile.write_text(_COREFILE.replace("192.0.2.7", "192.0.2.8"))
    resolver.process.signal(signal.SIGUSR1)
    until(lambda: here(where) == ["192.0.2.8"], "the new Corefile is in force")
    manager.wait_for("RELOADING=1")
    until(lambda: manager.states.count("READY=1") == 2, "the reload has ended")
    resolver.corefile.write_text("nonsense {")
    resolver.process.signal(signal.SIGUSR1)
    until(lambda: manager.states.count("READY=1") == 3, "so has one that failed")
    assert here(where) == ["192.0.2.8"]


@scenario("a mapper socket of the manager's: who connects while the gateway is down is served")
def mapper(lab: Lab) -> None:
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")
    manager = ServiceManager(lab, gateway.process)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
        made.bind(str(gateway.socket))
        made.listen()
        manager.listen("mapper", made)
    command = list(gateway.process.command)
    gateway.process.command = [*command, "-mapper-socket", "/nonexistent/mapper.sock"]
    gateway.process.start()
    assert gateway.process.wait() == 1
    said = gateway.process.log()
    assert str(gateway.socket) in said and "/nonexistent/mapper.sock" in said, said
    gateway.process.command = command
    with Peer(gateway.socket) as early:
        early.send(GET)
        gateway.process.start()
        manager.wait_for("READY=1")
        first = early.receive()
    gateway.process.stop()
    with Peer(gateway.socket) as between:
        between.send(GET)
        gateway.process.start()
        assert between.receive() == first, "the mapping has changed"
