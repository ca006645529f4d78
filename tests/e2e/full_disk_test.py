# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway whose database has no room left."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.clients import wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.shell import run
from lab.waiting import until
from lab.worlds import REMOTE, two_gateways

_KIB = 4096  # of the disk; what the mappings take is less


@contextmanager
def small_disk(where: Path) -> Iterator[None]:
    run("mount", "-t", "tmpfs", "-o", f"size={_KIB}k", "ipref-e2e", str(where))
    try:
        yield
    finally:
        run("umount", "--lazy", str(where))


def fill(filler: Path) -> None:
    """Until not a byte goes in any more."""
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


@scenario("on a full disk answers are refused with the reason, traffic goes on, room mends it")
def full_disk(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    gateway = alpha.gateway
    wait_ping(beta.host, REMOTE)
    gateway.process.stop()
    with small_disk(gateway.data):
        try:
            gateway.start()
            fills_and_recovers(lab, alpha, beta)
        finally:
            gateway.process.end()


def fills_and_recovers(lab: Lab, alpha, beta) -> None:
    gateway = alpha.gateway

    def load(*words: str, check: bool = True):
        return alpha.router.run(lab.program("mapper-load"), str(gateway.socket), *words,
                                check=check, timeout=60)

    answers = lab.path("answers")
    load("encode", "0", "500", "50", "4", str(answers))
    filler = gateway.data / "filler"
    fill(filler)
    refused = until(lambda: _refused(load("encode", "100000", "20000", "500", "1", check=False)),
                    "a refusal")
    assert "mapper.lmdb" in refused and "No space left" in refused, refused
    wait_ping(beta.host, REMOTE)
    wait_ping(alpha.host, REMOTE)
    filler.unlink()
    until(lambda: load("encode", "200000", "10", "10", "1", str(answers), check=False).ok,
          "answers after there is room again")
    gateway.process.wait_for("works again")
    gateway.restart_after_kill()
    checked = json.loads(load("verify", str(answers)).output)
    assert checked["checked"] == 510 and checked["wrong"] == 0, checked
    wait_ping(beta.host, REMOTE)


def _refused(done) -> str:
    return "" if done.ok else done.errors
