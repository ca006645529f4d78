# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick start of the project's README, as data: what a user would type."""

import re
import shlex
import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[2]
_README = _TESTS.parent / "README.md"
sys.path.append(str(_TESTS / "docs"))
from blocks import marked  # noqa: E402, F401  for scenarios that run what a block has


def _quick_start() -> str:
    text = _README.read_text()
    section = re.search(r"^## Quick start$(.*?)^## ", text, re.M | re.S)
    assert section, f"{_README} has no section 'Quick start'"
    return section[1]


def _indented() -> list[str]:
    return [line[4:] for line in _quick_start().splitlines() if line.startswith("    ")]


def commands(program: str) -> list[list[str]]:
    """Every command line that starts `program`: its arguments."""
    return [shlex.split(line)[1:] for line in _indented() if line.startswith(f"{program} ")]


def corefile() -> str:
    """The first Corefile."""
    found = re.search(r"^\. \{\n.*?^\}\n", "\n".join(_indented()) + "\n", re.M | re.S)
    assert found, "no Corefile in the quick start"
    return found[0]


def hosts_line() -> str:
    return next(line for line in _indented() if "#=" in line)
