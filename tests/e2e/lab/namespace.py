# SPDX-License-Identifier: GPL-2.0-or-later
"""A host: one network namespace, with its own /etc/resolv.conf (ip-netns(8), /etc/netns)."""

import ctypes
import os
import shutil
import signal
import socket
import threading
from pathlib import Path

from lab.shell import Done, run

_ETC = Path("/etc/netns")
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# No rp_filter: replies may leave by the TUN what came in by another interface. No duplicate
# address detection: it would hold every IPv6 address back for a second.
_SYSCTLS = (
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv6.conf.all.disable_ipv6=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv4.ping_group_range=0 2147483647",
)
_FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")


class Namespace:
    """Made by Lab.host(), which also deletes it."""

    def __init__(self, name: str, title: str) -> None:
        self.name = name    # unique on this machine
        self.title = title  # for people: "alpha-host"

    def create(self, forwarding: bool) -> None:
        run("ip", "netns", "add", self.name)
        self.run("sysctl", "-qw", *_SYSCTLS, *(_FORWARD if forwarding else ()))
        self.ip("link set lo up")

    def delete(self) -> None:
        """Ends what still runs in it, by process id. Safe to call on a half-made one."""
        found = run("ip", "netns", "pids", self.name, check=False)
        for pid in found.output.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "delete", self.name, check=False)
        shutil.rmtree(_ETC / self.name, ignore_errors=True)

    def command(self, *command: str) -> tuple[str, ...]:
        """ip replaces itself by the command, so the process id is the command's own."""
        return ("ip", "netns", "exec", self.name, *command)

    def run(self, *command: str, check: bool = True, timeout: float = 30) -> Done:
        return run(*self.command(*command), check=check, timeout=timeout)

    def open_socket(self, family: int, kind: int) -> socket.socket:
        """One that belongs to this host; a thread goes there to make it, and is gone then."""
        made: list[socket.socket] = []

        def make() -> None:
            with open(f"/run/netns/{self.name}", "rb") as there:
                if _LIBC.setns(there.fileno(), _CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind))
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        assert made, f"no socket on {self.title}"
        return made[0]

    def ip(self, *lines: str) -> None:
        """Each line is an ip(8) command without the word ip."""
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def use_nameserver(self, address: str) -> None:
        folder = _ETC / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")


def join(left: Namespace, left_interface: str, right: Namespace, right_interface: str) -> None:
    """Lays a cable between two hosts; its ends never show up on the machine itself."""
    run("ip", "-n", left.name, "link", "add", left_interface, "type", "veth",
        "peer", "name", right_interface, "netns", right.name)
    left.ip(f"link set {left_interface} up")
    right.ip(f"link set {right_interface} up")


def remove_folder_if_empty() -> None:
    """/etc/netns is ours only while something of ours stands in it."""
    try:
        _ETC.rmdir()
    except OSError:
        pass
