# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for a condition: polled, with a deadline, never a bare sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE = 0.02


class TooLate(Exception):
    """The condition did not come true before its deadline."""


def until(condition: Callable[[], T], what: str, seconds: float = 15) -> T:
    """Returns the first true value of `condition`; raises TooLate naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TooLate(f"waited {seconds:g} s in vain: {what}")
        time.sleep(_PAUSE)


def stays(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Raises AssertionError if `condition` turns false within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds:g} s: {what}"
        time.sleep(_PAUSE)
