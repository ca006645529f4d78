#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the server accept and refuse the Corefiles that it should?

usage: recorded_corefiles.py SERVER corefiles.jsonl [NAME...]

A case is a JSON object a line: "corefile", "files" beside it (a name that ends with / is a folder),
"env", what CoreDNS makes of it ("expect": accept or refuse, "zones": the lines it prints at start),
"ours" where this server is to do something else ("either": both are fine), and "note": why the
case is there. Accepted means: it prints its zones and version, and ends with status 0 when told to.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
from recorded import network  # noqa: E402
from recorded.absent import planned  # noqa: E402

_LIMIT = 20  # seconds; a sanitized server on a busy machine is slow
_ZONE = re.compile(r"^(?!\[[A-Z]+\] |Warning: ).*\.:\d+( on \S+)?$")


@dataclass
class Verdict:
    name: str
    failure: str = ""
    skipped: str = ""


def lay_out(case: dict, folder: Path) -> None:
    for name, text in dict(case["files"], Corefile=case["corefile"]).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(text.encode())


def observe(case: dict) -> tuple[str, list[str], str]:
    """("accept", "refuse" or what went wrong; lines that name zones; all output)."""
    with tempfile.TemporaryDirectory(prefix="corefile-") as folder:
        lay_out(case, Path(folder))
        server = subprocess.Popen(
            [SERVER, "-conf", "Corefile"], cwd=folder, env=dict(os.environ, **case.get("env", {})),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", preexec_fn=network.die_with_parent)
        assert server.stdout is not None
        lines, up = [], False
        for line in server.stdout:
            lines.append(line.rstrip())
            if line.startswith("linux/"):  # the last line of start-up
                up = True
                server.terminate()
        try:
            status = server.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            server.kill()
            return "did not end", [], "\n".join(lines)
    zones = sorted(line for line in lines if _ZONE.match(line))
    if up:
        return ("accept" if status == 0 else f"up, then status {status}"), zones, "\n".join(lines)
    return ("refuse" if status > 0 else f"status {status}"), zones, "\n".join(lines)


def play(case: dict) -> Verdict:
    verdict, zones, output = observe(case)
    expected = case.get("ours", case["expect"])
    fine = ("accept", "refuse") if expected == "either" else (expected,)
    absent = planned(output)
    if absent and verdict == "refuse":
        return Verdict(case["name"], skipped=absent)
    if verdict not in fine:
        return Verdict(case["name"], f"{verdict}, not {expected}: {case['note']}\n{output}")
    if verdict == "refuse" and not re.search(r"\w+[:/]", output):
        return Verdict(case["name"], f"a refusal that names nothing: {output}")
    if verdict == expected == "accept" and zones != case["zones"]:
        return Verdict(case["name"], f"zones {zones}, not {case['zones']}")
    return Verdict(case["name"])


def main() -> int:
    cases = [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]
    if len(sys.argv) > 3:
        cases = [case for case in cases if case["name"] in sys.argv[3:]]
    passed = failed = skipped = 0
    for verdict in network.play_all(cases, play):
        if verdict.skipped:
            skipped += 1
            print(f"skipped {verdict.name}: {verdict.skipped}")
        elif verdict.failure:
            failed += 1
            print(f"FAILED {verdict.name}: {verdict.failure}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("skipped: a network of one's own needs root\n0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    SERVER = os.path.abspath(sys.argv[1])
    sys.exit(main())
