# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes of one scenario: server, upstream, gateway, in folders of their own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recorded.ask import PORT
from recorded.network import die_with_parent

_UPSTREAM = 5301
_START = 20.0  # seconds
_PAUSE = 0.01


class Failed(Exception):
    """A process did not start, or ended; the text is the end of its output."""


def _bound(port: int) -> bool:
    """Is somebody bound to the port, over TCP and UDP, in this network?"""
    def found(proto: str, states: tuple[str, ...]) -> bool:
        for version in ("", "6"):
            for line in Path(f"/proc/net/{proto}{version}").read_text().splitlines()[1:]:
                words = line.split()
                if int(words[1].rsplit(":", 1)[1], 16) == port and words[3] in states:
                    return True
        return False
    return found("tcp", ("0A",)) and found("udp", ("07", "01"))


class _Process:
    def __init__(self, title: str, command: list[str], folder: Path, env: dict) -> None:
        self.title = title
        self._log = folder / f"{title}.log"
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **env), preexec_fn=die_with_parent)

    def alive(self) -> bool:
        return self._child.poll() is None

    def wait(self, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _START
        while not ready():
            if not self.alive() or time.monotonic() > end:
                raise Failed(f"{self.title} did not start: {self.log()}")
            time.sleep(_PAUSE)

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-1500:]

    def stop(self) -> None:
        self._child.kill()
        self._child.wait()


class Stage:
    def __init__(self, scenario: dict, server: str, gateway: str) -> None:
        self._scenario = scenario
        self._programs = {"server": server, "upstream": server, "gw": gateway}
        self._top = Path(tempfile.mkdtemp(prefix="dns-"))
        self._socket = self._top / "m.sock"
        self._running: dict[str, _Process] = {}
        for what, part in (("server", scenario), ("upstream", scenario.get("upstream"))):
            if part:
                (self._top / what).mkdir()
                for name, text in part.get("files", {}).items():
                    self.write(what, name, text)
                self.write(what, "Corefile", part["corefile"])

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.stop()
        shutil.rmtree(self._top, ignore_errors=True)

    def write(self, where: str, name: str, text: str) -> None:
        path = self._top / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = text.replace("{PORT}", str(PORT)).replace("{UP}", str(_UPSTREAM))
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text.replace("{MAPPER}", str(self._socket)))
        fresh.rename(path)

    def _start(self, what: str) -> None:
        if what == "gw":
            return self._start_gateway()
        process = _Process(what, [self._programs[what], "-conf", "Corefile"], self._top / what,
                           self._scenario.get("env") or {})
        self._running[what] = process
        process.wait(lambda: _bound(PORT if what == "server" else _UPSTREAM))

    def _start_gateway(self) -> None:
        data, hosts = self._top / "gw", self._top / "hosts"
        data.mkdir(exist_ok=True)
        hosts.touch()
        args = self._scenario["gw"].get("args", [])
        if "-gateway" not in args:  # a second one would be another address, not another value
            args = ["-gateway", "203.0.113.1", *args]
        command = [self._programs["gw"], "-data", str(data), "-mapper-socket", str(self._socket),
                   "-hosts", str(hosts), "-gateway-ifc-mtu", "1500", *args]
        self._running["gw"] = _Process("gw", command, self._top, {})
        self._running["gw"].wait(self._mapper_there)

    def _mapper_there(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            try:
                s.connect(str(self._socket))
                return True
            except OSError:
                return False

    def up(self) -> None:
        for what in ("upstream", "gw", "server"):
            if what == "server" or self._scenario.get(what) is not None:
                self._start(what)

    def check(self) -> None:
        if not self._running["server"].alive():
            raise Failed(f"the server ended: {self.log()}")

    def log(self) -> str:
        return self._running["server"].log()

    def do(self, step: dict) -> None:
        """Anything but sleep."""
        action = step["do"]
        where = step.get("where", "server")
        if action == "write":
            self.write(where, step["file"], step["text"])
        elif action == "remove":
            (self._top / where / step["file"]).unlink()
        elif action.startswith("stop-"):
            self._running[action[5:]].stop()
        elif action.startswith("start-"):
            self._start(action[6:])
        else:
            raise ValueError(action)
