#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows the suite at work: sites with an Internet between them, in network namespaces.

    python3 tests/e2e/demo.py [--bin DIR] [--keep | --down]

Exit status: 0 if all that is shown worked, 1 if something did not, 2 if it cannot be shown here,
128 + N if signal N ended it. Leaves nothing behind, except with --keep.
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from lab import interrupts, namespace  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.needs import missing, missing_programs  # noqa: E402
from lab.shell import CommandFailed  # noqa: E402
from lab.waiting import TooLate  # noqa: E402
from show import kept  # noqa: E402
from show.acts import Demo  # noqa: E402
from show.story import Story  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows the suite at work in network namespaces.")
    parser.add_argument("--bin", type=Path, default=HERE.parent.parent / "build" / "bin",
                        metavar="DIR", help="folder of the three programs")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--down", action="store_true", help="end what --keep left running")
    return parser.parse_args()


def play(lab: Lab) -> bool:
    """The whole show; returns whether all of it worked. Explains itself where it cannot go on."""
    story = Story()
    start = time.monotonic()
    try:
        Demo(lab, story).play()
    except (CommandFailed, TooLate, AssertionError) as stopped:
        story.check("the demo went through", False, "stopped, see above")
        print(f"\nThe demo cannot go on:\n{stopped}")
    worked = story.table()
    print(f"Took {time.monotonic() - start:.0f} s.")
    if not worked:
        print(f"\nWhat the programs logged:\n\n{lab.reports()}")
    return worked


def main() -> int:
    options = arguments()
    reason = missing() or ("" if options.down else missing_programs(options.bin))
    if reason:
        print(f"The demo cannot run here: {reason}.", file=sys.stderr)
        return 2
    if options.down:
        count = kept.take_down()
        print(f"Took down {count} demo{'' if count == 1 else 's'}.")
        return 0
    return show(options)


def show(options: argparse.Namespace) -> int:
    """Plays, and cleans up or keeps; returns the exit status."""
    interrupts.install()
    lab = Lab(options.bin, "demo")
    keep = False
    try:
        worked = play(lab)
        keep = options.keep
        if keep:
            print(f"\n{kept.keep(lab)}")
        return 0 if worked else 1
    except interrupts.Interrupted as interrupted:
        print(f"\n{interrupted}; cleaning up", file=sys.stderr)
        return interrupted.status
    finally:
        if not keep:
            lab.remove()
            namespace.remove_folder_if_empty()


if __name__ == "__main__":
    sys.exit(main())
