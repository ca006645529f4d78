# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd is to a service: a notify socket, a store of descriptors, LISTEN_FDS at start.

As systemd.service(5), sd_notify(3), sd_pid_notify_with_fds(3) and sd_listen_fds(3) have it."""

import array
import fcntl
import os
import socket
import threading

from lab.lab import Lab
from lab.process import Process
from lab.waiting import until

_FIRST = 3       # where LISTEN_FDS begins
_ASIDE = 100     # ours are above, so that they do not stand where the service's have to
_MOST_FDS = 253  # in one message


class ServiceManager:
    """Of one process, through all its starts. Set `process.manager` to it before the first."""

    def __init__(self, lab: Lab, process: Process, store_max: int = 64) -> None:
        self.states: list[str] = []  # all that has been told, newest last
        self._path = lab.path(f"{process.title.replace(' ', '-')}.notify")
        self.watchdog_seconds = 0  # WatchdogSec=
        self._store_max = store_max
        self._store: list[tuple[str, int]] = []
        self._listening: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._path.chmod(0o777)
        threading.Thread(target=self._read, daemon=True).start()
        process.manager = self

    def listen(self, name: str, made: socket.socket) -> None:
        """What a .socket unit has opened; kept for all starts."""
        self._listening.append((name, _aside(made.fileno())))

    def stored(self) -> list[str]:
        with self._lock:
            return sorted(name for name, _ in self._store)

    def told(self, state: str) -> bool:
        return any(state in lines.splitlines() for lines in list(self.states))

    def wait_for(self, state: str) -> None:
        """Since the present start."""
        until(lambda: self.told(state), f"the service manager is told {state}")

    def starting(self, command: list[str]) -> tuple[list[str], list[int], dict[str, str]]:
        """The command, the descriptors it needs to inherit, and its environment."""
        self.states.clear()
        with self._lock:
            given = [*self._listening, *self._store]
        moves = [f"exec {_FIRST + at}<&{fd}; exec {fd}<&-" for at, (_, fd) in enumerate(given)]
        script = "; ".join([*moves, "export LISTEN_PID=$$", 'exec "$@"'])
        environment = dict(os.environ, NOTIFY_SOCKET=str(self._path))
        if self.watchdog_seconds:
            environment["WATCHDOG_USEC"] = str(self.watchdog_seconds * 1_000_000)
        if not given:
            return command, [], environment
        environment |= {"LISTEN_FDS": str(len(given)),
                        "LISTEN_FDNAMES": ":".join(name for name, _ in given)}
        return ["bash", "-c", script, "bash", *command], [fd for _, fd in given], environment

    def close(self) -> None:
        self._socket.close()
        with self._lock:
            for _, fd in [*self._store, *self._listening]:
                os.close(fd)
            self._store.clear()
            self._listening.clear()

    def _read(self) -> None:
        while True:
            try:
                data, control, _, _ = self._socket.recvmsg(
                    4096, socket.CMSG_SPACE(_MOST_FDS * 4))
            except OSError:
                return
            fds = array.array("i")
            for level, kind, content in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(content)
            self._take(data.decode(), list(fds))

    def _take(self, text: str, fds: list[int]) -> None:
        self.states.append(text)
        fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        name = fields.get("FDNAME", "stored")
        with self._lock:
            if fields.get("FDSTOREREMOVE") == "1":
                for _, fd in [kept for kept in self._store if kept[0] == name]:
                    os.close(fd)
                self._store = [kept for kept in self._store if kept[0] != name]
            for fd in fds:
                if fields.get("FDSTORE") == "1" and len(self._store) < self._store_max:
                    self._store.append((name, _aside(fd)))
                os.close(fd)


def _aside(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ASIDE)
