#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the end-to-end scenarios in network namespaces.

    python3 tests/e2e/run.py [--bin DIR] [--only WORD] [--jobs N] [--list] [FILE...]

FILEs default to tests/e2e/*_test.py. Exit status: 0 all passed or all skipped, 1 something
failed, 2 wrong usage, 128 + N ended by signal N.
"""

import argparse
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from lab import interrupts, namespace, parallel, scenario  # noqa: E402
from lab.needs import absent, missing, missing_programs  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="End-to-end scenarios in network namespaces.")
    parser.add_argument("--bin", type=Path, default=HERE.parent.parent / "build" / "bin",
                        metavar="DIR", help="folder of the three programs")
    parser.add_argument("--only", default="", metavar="WORD",
                        help="scenarios whose file or title contains WORD")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), metavar="N",
                        help="scenarios at a time (default %(default)s)")
    parser.add_argument("--list", action="store_true", help="print titles, run nothing")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[scenario.Scenario]:
    files = options.files or sorted(HERE.glob("*_test.py"))
    word = options.only.lower()
    return [one for one in scenario.load(files)
            if word in one.title.lower() or word in one.file.lower()]


def play_all(scenarios: list[scenario.Scenario], programs: Path, jobs: int) -> int:
    start = time.monotonic()
    failed = 0
    skipped = [one for one in scenarios if absent(one.needs)]
    for one in skipped:
        print(f"skipped {one}: {absent(one.needs)}")
    scenarios = [one for one in scenarios if one not in skipped]
    for result in parallel.play_all(scenarios, lambda one: scenario.play(one, programs), jobs):
        mark = "ok    " if result.passed else "FAILED"
        print(f"{mark} {result.name} ({result.seconds:.1f} s)", flush=True)
        if not result.passed:
            failed += 1
            print("\n".join(f"    {line}" for line in result.failure.splitlines()), flush=True)
    print(f"end to end, {time.monotonic() - start:.0f} s")
    print(f"{len(scenarios) - failed} passed, {failed} failed" +
          (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed else 0


def main() -> int:
    options = arguments()
    scenarios = chosen(options)
    if not scenarios:
        print(f"no scenario matches '{options.only}'", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(map(str, scenarios)))
        return 0
    reason = missing()
    if reason:
        print(f"skipped, all {len(scenarios)} end-to-end scenarios: {reason}")
        print(f"0 passed, 0 failed, {len(scenarios)} skipped")
        return 0
    unbuilt = missing_programs(options.bin)
    if unbuilt:
        print(unbuilt, file=sys.stderr)
        return 2
    interrupts.install()
    try:
        return play_all(scenarios, options.bin, options.jobs)
    except interrupts.Interrupted as interrupted:
        print(f"\n{interrupted}; cleaned up", file=sys.stderr)
        return interrupted.status
    finally:
        namespace.remove_folder_if_empty()


if __name__ == "__main__":
    sys.exit(main())
