# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGINT, SIGTERM and SIGHUP become an exception, so that every `finally` runs."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked this process to end. No Exception: nothing but the top may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.status = 128 + number


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def install() -> None:
    for number in _SIGNALS:
        signal.signal(number, _raise)


@contextmanager
def held() -> Iterator[None]:
    """For the time of cleaning up: a second Ctrl-C waits until that is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
