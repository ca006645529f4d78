#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the server answer what it should? Scenarios with the answers of CoreDNS 1.12.1 and its
ipref plugin, and the right answer where that one was wrong.

usage: recorded_dns.py SERVER dns.jsonl [--gw GATEWAY] [--only WORD] [--jobs N]

A scenario is a JSON object a line: "name"; "corefile" and "files" of the server, likewise of an
"upstream" (this server, too); {PORT}, {UP}, {MAPPER} stand for ports and the mapper's socket; "gw":
arguments of a gateway, "ea": its encode network; "wait": a question that must be answered before
the others. "queries", one after the other:
  "q" NAME TYPE [CLASS] (a list: several questions; "raw": a message in hex), "proto", "from", "to",
  "edns", "flags", "opcode", "an", "ns", "ar": what is asked;
  "answer": "none", or the reply by parts, records as NAME TTL CLASS TYPE DATA;
  "norm": what is not compared: {"ttl": "max"} may be lower; {PART: "any"}; {"flags"|"options": [..]}
  without these; {"do": "any"}; {"ns": "or-soa"} as recorded or one SOA; {"ea": "any"};
  "deviate": what a right answer is where the recorded one is not; "right": that, to be checked;
  {"do": ...} instead: stop-, start-upstream or -gw, write or remove a file, sleep "s".
Encoded addresses are compared as labels EA1, EA2, ...; CPORT is the client's port. After a sleep
the next question is repeated until its answer is right, or, if it was right before, its time over.
"""

import argparse
import copy
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
try:
    from recorded import network, right
    from recorded.absent import planned
    from recorded.ask import ask
    from recorded.compare import Labels, Pairs, differences
    from recorded.message import observed
    from recorded.stage import Failed, Stage
except ImportError as error:
    sys.exit(f"{error}: {sys.executable} needs python3-dnspython; ./dev installs it on Debian")

_ADDRESSES = ("203.0.113.1/32", "10.9.0.7/32", "192.168.9.7/32", "2001:db8::1/128",
              "fd00:9::7/128")
_SLACK = 5.0   # seconds beyond a scenario's own sleep
_PAUSE = 0.05


@dataclass
class Result:
    name: str
    passed: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: str = ""


class Player:
    def __init__(self, scenario: dict, stage: Stage) -> None:
        self._stage = stage
        gateway = scenario.get("gw") is not None
        self._labels = Labels(scenario.get("ea", "10.240.0.0/12") if gateway else None)
        self._pairs = Pairs()

    def wrong(self, query: dict) -> list[str]:
        """Asks; what is wrong about the answer."""
        messages, port = ask(query)
        got = observed(messages, self._labels, port)
        if "deviate" in query:
            return right.differences(query, got)
        pairs = copy.deepcopy(self._pairs)
        found = differences(query, got, pairs)
        if not found:
            self._pairs = pairs
        return found

    def wrong_after(self, query: dict, seconds: float) -> list[str]:
        """Likewise, the scenario having slept before it: until the answer changes for the better,
        or, if it is right from the start, to the end of that time."""
        found = self.wrong(query)
        if not found:
            time.sleep(seconds)
            return self.wrong(query)
        end = time.monotonic() + seconds + _SLACK
        while found and time.monotonic() < end:
            time.sleep(_PAUSE)
            found = self.wrong(query)
        return found

    def wrong_until(self, query: dict, end: float) -> list[str]:
        """Until it is right or that time is over: the sleep before an earlier query was cut
        short when that one was right, and what is asked here may be younger."""
        found = self.wrong(query)
        while found and time.monotonic() < end:
            time.sleep(_PAUSE)
            found = self.wrong(query)
        return found

    def wait(self, question: str) -> None:
        end = time.monotonic() + 20
        query = {"q": question}
        while True:
            messages, port = ask(query)
            got = observed(messages, self._labels, port)
            if isinstance(got, dict) and got.get("rcode") == "NOERROR":
                return
            if time.monotonic() > end:
                raise Failed(f"{question} is not answered: {self._stage.log()}")
            time.sleep(_PAUSE)


def play(scenario: dict) -> Result:
    result = Result(scenario["name"])
    if scenario.get("gw") is not None and not OPTIONS.gw:
        result.skipped = "needs --gw"
        return result
    with Stage(scenario, OPTIONS.server, OPTIONS.gw) as stage:
        try:
            stage.up()
            player = Player(scenario, stage)
            if "wait" in scenario:
                player.wait(scenario["wait"])
            play_queries(scenario, stage, player, result)
        except (Failed, OSError) as error:
            absent = planned(str(error))
            if absent:
                result.skipped = absent
            else:
                result.failures.append(str(error))
    return result


def play_queries(scenario: dict, stage: Stage, player: Player, result: Result) -> None:
    slept, awake = 0.0, 0.0
    for index, query in enumerate(scenario["queries"]):
        if query.get("do") == "sleep":
            slept = query["s"]
            awake = time.monotonic() + slept
            continue
        if "do" in query:
            stage.do(query)
            continue
        stage.check()
        if slept:
            found = player.wrong_after(query, slept)
        else:
            found = player.wrong_until(query, awake)
        slept = 0.0
        if found:
            asked = json.dumps({k: v for k, v in query.items() if k not in ("answer", "note")})
            result.failures.append("\n    ".join([f"#{index} {asked}", *found[:12]]))
        else:
            result.passed += 1
    stage.check()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Recorded scenarios.")
    parser.add_argument("server")
    parser.add_argument("scenarios", type=Path)
    parser.add_argument("--gw", default="")
    parser.add_argument("--only", default="", metavar="WORD")
    return parser.parse_args()


def main() -> int:
    scenarios = [json.loads(line) for line in OPTIONS.scenarios.read_text().splitlines()]
    scenarios = [one for one in scenarios if OPTIONS.only in one["name"]]
    scenarios.sort(key=lambda one: -sum(q.get("s", 0) for q in one["queries"]))
    passed = failed = skipped = 0
    for result in network.play_all(scenarios, play, _ADDRESSES):
        passed += result.passed
        failed += len(result.failures)
        if result.skipped:
            skipped += 1
            print(f"skipped {result.name}: {result.skipped}")
        for failure in result.failures:
            print(f"FAILED {result.name} {failure}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


if __name__ == "__main__":
    OPTIONS = arguments()
    if os.geteuid() != 0:
        print("skipped: a network of one's own needs root\n0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    OPTIONS.server = os.path.abspath(OPTIONS.server)
    OPTIONS.gw = OPTIONS.gw and os.path.abspath(OPTIONS.gw)
    sys.exit(main())
