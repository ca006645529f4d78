# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: functions that get a Lab, make a network in it, and assert what they see."""

import importlib.util
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.lab import Lab


@dataclass(frozen=True)
class Scenario:
    title: str
    run: Callable[[Lab], None]
    file: str
    needs: tuple[str, ...] = ()  # commands; it is skipped where one is not installed

    def __str__(self) -> str:
        return f"{self.file}: {self.title}"


@dataclass(frozen=True)
class Result:
    name: str
    seconds: float
    failure: str  # empty if it passed

    @property
    def passed(self) -> bool:
        return not self.failure


_registered: list[Scenario] = []


def scenario(title: str, *needs: str
             ) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Registers a function; the title says what has to be true, `needs` which commands besides
    those of every lab must be installed."""
    def register(function: Callable[[Lab], None]) -> Callable[[Lab], None]:
        file = Path(function.__code__.co_filename).name
        _registered.append(Scenario(title, function, file, needs))
        return function
    return register


def load(files: list[Path]) -> list[Scenario]:
    """Imports scenario files; returns their scenarios in order of file and line."""
    for file in files:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec and spec.loader, f"no Python file: {file}"
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
    return list(_registered)


def play(scenario: Scenario, programs: Path) -> Result:
    """Runs one scenario in a lab of its own. An interrupt passes through, after the clean-up."""
    start = time.monotonic()
    lab = Lab(programs, "e2e")
    try:
        failure = _attempt(scenario, lab)
    finally:
        lab.remove()
    return Result(str(scenario), time.monotonic() - start, failure)


def _attempt(scenario: Scenario, lab: Lab) -> str:
    try:
        scenario.run(lab)
        failure = ""
    except Exception:  # whatever a scenario throws is that scenario's failure
        failure = traceback.format_exc()
    complaints = "\n".join(lab.stop())
    if not failure and not complaints:
        return ""
    return "\n".join(filter(None, [failure, complaints, lab.reports()]))
