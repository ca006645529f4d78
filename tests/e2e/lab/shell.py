# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that run to their end."""

import shlex
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """What a command that has ended left: its exit status and its output."""

    command: tuple[str, ...]
    status: int
    output: str
    errors: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        text = f"$ {shlex.join(self.command)}\n{self.output}{self.errors}"
        return f"{text.rstrip()}\n[exit status {self.status} after {self.seconds:.1f} s]"


class CommandFailed(Exception):
    """A command that had to succeed did not; the text is what it printed."""


def run(*command: str, check: bool = True, timeout: float = 30, stdin: str = "") -> Done:
    """Runs a command; `check` raises CommandFailed on a status other than 0, as a time-out does.

    The command gets a session of its own, so that Ctrl-C reaches only this process, which then
    decides what ends and in which order.
    """
    start = time.monotonic()
    try:
        ended = subprocess.run(
            command, input=stdin, capture_output=True, text=True, errors="replace",
            timeout=timeout, start_new_session=True)
    except subprocess.TimeoutExpired as expired:
        raise CommandFailed(f"$ {shlex.join(command)}\n[no end after {timeout:g} s]") from expired
    seconds = time.monotonic() - start
    done = Done(command, ended.returncode, ended.stdout, ended.stderr, seconds)
    if check and not done.ok:
        raise CommandFailed(str(done))
    return done
