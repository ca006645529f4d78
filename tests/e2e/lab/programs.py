# SPDX-License-Identifier: GPL-2.0-or-later
"""The suite's three programs: command lines, and when each is ready."""

import socket
from pathlib import Path

from lab.lab import Lab
from lab.namespace import Namespace
from lab.process import Process
from lab.waiting import until

_READY_SECONDS = 20  # sanitized binaries on a busy machine take their time


def _start(process: Process, ready, what: str) -> None:
    """Starts it and waits for ready(); fails at once when the program ends before."""
    def check() -> bool:
        assert process.running, f"{process.title} ended at its start:\n{process.log()}"
        return ready()
    process.start()
    until(check, f"{process.title}: {what}", _READY_SECONDS)


def accepts(path: Path) -> bool:
    """Whether somebody listens on a mapper socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


class Gateway:
    """ipref-gw; ready when its mapper socket accepts and its interface is up."""

    def __init__(self, lab: Lab, where: Namespace, *options: str, hosts: str = "") -> None:
        name = where.title
        self.where = where
        self.socket = lab.path(f"{name}/mapper.sock")
        self.hosts = lab.file(f"{name}/hosts", hosts)
        self.data = lab.path(f"{name}/data")
        self._devmode = "-devmode" in options
        self.process = lab.process(f"{name} ipref-gw", where, [
            lab.program("ipref-gw"), "-data", str(self.data), "-mapper-socket", str(self.socket),
            "-hosts", str(self.hosts), *options], ours=True)

    def start(self) -> None:
        _start(self.process, self._ready, "mapper socket and interface are there")

    def _ready(self) -> bool:
        return accepts(self.socket) and (self._devmode or self._interface_up())

    def _interface_up(self) -> bool:
        return "UP" in self.where.run("ip", "-o", "link", "show", "type", "tun").output

    def restart_after_kill(self) -> None:
        self.process.kill()
        self.start()


class Agent:
    """ipref-dns-agent; ready when it says so, which is before it has published anything."""

    def __init__(self, lab: Lab, where: Namespace, socket_path: Path, sources: list[str],
                 *options: str) -> None:
        self.process = lab.process(f"{where.title} ipref-dns-agent", where, [
            lab.program("ipref-dns-agent"), "-m", f"unix://{socket_path}", *options, *sources],
            ours=True)

    def start(self) -> None:
        self.process.start()
        self.process.wait_for("START", _READY_SECONDS)

    def restart_after_kill(self) -> None:
        self.process.kill()
        self.start()


class Resolver:
    """ipref-coredns; ready when it answers, whatever the answer is."""

    def __init__(self, lab: Lab, where: Namespace, address: str, corefile: str) -> None:
        self.where = where
        self.address = address
        self.corefile = lab.file(f"{where.title}/Corefile", corefile)
        self.process = lab.process(f"{where.title} ipref-coredns", where, [
            lab.program("ipref-coredns"), "-conf", str(self.corefile)], ours=True)

    def start(self) -> None:
        _start(self.process, self._answers, "answers")

    def _answers(self) -> bool:
        return self.where.run("dig", "+tries=1", "+time=1", f"@{self.address}",
                              "ready.invalid", check=False).ok

    def restart_after_kill(self) -> None:
        self.process.kill()
        self.start()
