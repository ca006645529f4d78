# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases in parallel, each in a process with a network of its own, which goes when the process does."""

import ctypes
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any

_NEW_NETWORK, _NEW_HOST_NAME = 0x40000000, 0x04000000  # CLONE_NEWNET, CLONE_NEWUTS
_DIE_WITH_PARENT = 1                                   # PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _leave(addresses: tuple[str, ...], host: str) -> None:
    """Puts this process into a network that has only a loopback interface with `addresses`."""
    die_with_parent()
    if _LIBC.unshare(_NEW_NETWORK | _NEW_HOST_NAME) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname(host)
    lines = ["link set lo up"]
    lines += [f"addr add {a} dev lo{' nodad' if ':' in a else ''}" for a in addresses]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def play_all(cases: list[Any], play: Callable[[Any], Any], addresses: tuple[str, ...] = (),
             host: str = "gold") -> Iterator[Any]:
    """What `play` returns for each case, in the order in which they end."""
    jobs = 4 * (os.cpu_count() or 1)  # they mostly wait
    waiting, running = list(cases), {}
    while waiting or running:
        while waiting and len(running) < jobs:
            answer = tempfile.TemporaryFile()
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                _be_child(lambda: play(waiting[0]), answer, addresses, host)
            waiting.pop(0)
            running[pid] = answer
        pid, status = os.wait()
        answer = running.pop(pid)
        answer.seek(0)
        if status != 0:
            raise RuntimeError(f"a case's process ended: {answer.read().decode(errors='replace')}")
        yield pickle.load(answer)


def _be_child(play: Callable[[], Any], answer: Any, addresses: tuple[str, ...], host: str) -> None:
    status = 1
    try:
        _leave(addresses, host)
        pickle.dump(play(), answer)
        status = 0
    except BaseException:
        answer.write(traceback.format_exc().encode())
    finally:
        answer.flush()
        os._exit(status)
