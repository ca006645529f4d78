# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in the background: its log, SIGKILL, restart, and what its end says about it."""

import re
import shlex
import signal
import subprocess
from pathlib import Path

from lab.namespace import Namespace
from lab.waiting import until

_SANITIZER = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer): |runtime error:")
_TAIL = 40


class Process:
    """`ours` marks the suite's programs, whose ends and logs are judged; see complaints()."""

    def __init__(self, title: str, where: Namespace, command: list[str], log: Path,
                 ours: bool) -> None:
        self.title = title
        self.where = where
        self.command = command
        self.ours = ours
        self.manager = None  # a ServiceManager, if one starts it
        self._log = log
        self._start = 0  # where in the log the present run begins
        self._child: subprocess.Popen[bytes] | None = None
        self._killed = False

    def start(self) -> None:
        assert not self.running, f"{self.title} runs already"
        command, fds, environment = list(self.where.command(*self.command)), [], None
        if self.manager is not None:
            command, fds, environment = self.manager.starting(command)
        with self._log.open("ab") as log:
            self._start = log.tell()
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, pass_fds=fds, env=environment)
        self._killed = False

    @property
    def started(self) -> bool:
        """Now or earlier."""
        return self._child is not None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        assert self._child is not None and self.running, f"{self.title} is not running"
        self._killed = True
        self._child.kill()
        self._child.wait()

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM; returns the exit status (minus the signal's number, if that ended it)."""
        assert self._child is not None
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def wait_killed(self) -> None:
        """Somebody else has sent it SIGKILL."""
        assert self._child is not None
        self._killed = True
        self._child.wait(timeout=10)

    def wait(self, seconds: float = 10) -> int:
        assert self._child is not None
        return self._child.wait(timeout=seconds)

    def log(self) -> str:
        """Of the present run only."""
        return self._log.read_bytes()[self._start:].decode(errors="replace")

    def wait_for(self, text: str, seconds: float = 15) -> None:
        """Waits until the present run has logged `text`."""
        def said() -> bool:
            if text in self.log():
                return True
            assert self.running, f"{self.title} has ended"
            return False
        until(said, f"{self.title} logs '{text}'", seconds)

    def end(self) -> None:
        """Makes sure that it is gone. A program of ours that ignores SIGTERM is killed."""
        if self.manager is not None:
            self.manager.close()
        if not self.running:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            self._killed = False  # not a kill that a scenario wanted

    def complaints(self) -> list[str]:
        """After the end: reports of sanitizers, threads outside the sandbox, no clean end."""
        if not self.ours or self._child is None:
            return []
        found = [f"{self.title}: {line.strip()}"
                 for line in self._log.read_text(errors="replace").splitlines()
                 if _SANITIZER.search(line) or "keep their privileges" in line]
        if self._child.returncode != 0 and not self._killed:
            found.append(f"{self.title}: ended with status {self._child.returncode}, not 0")
        return found

    def report(self) -> str:
        """Command and last lines of the log, for people."""
        lines = self._log.read_text(errors="replace").splitlines()
        text = [f"--- {self.title}: {shlex.join(self.command)}", *lines[-_TAIL:]]
        return "\n".join(text)
