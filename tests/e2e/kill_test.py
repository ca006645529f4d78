# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that is killed at any moment, again and again, keeps what it has answered."""

import json
import os
import random

from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario

# More by hand: IPREF_KILL_ROUNDS=200 tests/e2e/run.py --only kill_test
_ROUNDS = int(os.environ.get("IPREF_KILL_ROUNDS", "20"))
_SEED = int(os.environ.get("IPREF_SEED", "1"))


@scenario(f"{_ROUNDS} times killed under load: nothing that was answered is lost or changed")
def killed(lab: Lab) -> None:
    where = lab.host("gw")
    gateway = Gateway(lab, where, "-devmode", "-gateway", "203.0.113.10")
    answers = lab.path("answers")
    chance = random.Random(_SEED)

    def load(*words: str) -> dict:
        done = where.run(lab.program("mapper-load"), str(gateway.socket), *words, timeout=60)
        return json.loads(done.output)

    gateway.start()
    for number in range(_ROUNDS):
        hosts = str(chance.randrange(1, 3000))
        load("publish", "example.com", hosts)
        got = load("encode", str(number * 100_000), "100000", str(chance.choice((1, 20, 500))),
                   "16", str(answers), str(gateway.process.pid), str(chance.randrange(1, 4000)))
        assert got["gone"] and got["answered"] > 0, got
        gateway.process.wait_killed()
        gateway.start()
        checked = load("verify", str(answers))
        assert checked["checked"] >= got["answered"] and checked["wrong"] == 0, checked
        load("held", "example.com", hosts)
