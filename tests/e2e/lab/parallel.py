# SPDX-License-Identifier: GPL-2.0-or-later
"""Several scenarios at a time, each in a child process, whose id also makes its names unique."""

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from lab import interrupts
from lab.scenario import Result, Scenario


class _Child:
    """Plays one scenario; the result comes back through a file without a name."""

    def __init__(self, scenario: Scenario, play: Callable[[Scenario], Result]) -> None:
        self.scenario = scenario
        self._answer: IO[bytes] = tempfile.TemporaryFile()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._be_child(play)

    def _be_child(self, play: Callable[[Scenario], Result]) -> None:
        status = 1
        try:
            pickle.dump(play(self.scenario), self._answer)
            self._answer.flush()
            status = 0
        except interrupts.Interrupted as interrupted:
            status = interrupted.status
        finally:
            os._exit(status)

    def result(self, status: int) -> Result:
        """After its end."""
        if status != 0:
            why = f"the scenario's process ended with status {status}"
            return Result(str(self.scenario), 0, why)
        self._answer.seek(0)
        return pickle.load(self._answer)


def play_all(scenarios: list[Scenario], play: Callable[[Scenario], Result],
             jobs: int) -> Iterator[Result]:
    """Results in the order in which they come. An interrupt ends the children first."""
    waiting = list(scenarios)
    running: dict[int, _Child] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                child = _Child(waiting.pop(0), play)
                running[child.pid] = child
            pid, status = os.wait()
            if pid in running:
                yield running.pop(pid).result(os.waitstatus_to_exitcode(status))
    finally:
        with interrupts.held():
            _end(running)


def _end(running: dict[int, _Child]) -> None:
    """Tells the children that are left to clean up, and waits until they have."""
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    for pid in running:
        os.waitpid(pid, 0)
