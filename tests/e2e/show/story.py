# SPDX-License-Identifier: GPL-2.0-or-later
"""Telling what happens on a plain terminal: headings, text, commands with what came out."""

import os
import shlex
import sys
import textwrap
from dataclasses import dataclass

from lab.namespace import Namespace
from lab.shell import Done

_WIDTH = 78
_MOST_LINES = 12  # of a command's output


@dataclass(frozen=True)
class Check:
    """One line of the closing table."""

    what: str
    ok: bool
    seen: str


class Story:
    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._chapter = 0
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self._print("\n" + self._bold(f"{self._chapter}. {title}"))

    def tell(self, text: str) -> None:
        self._print("\n" + textwrap.fill(" ".join(text.split()), _WIDTH))

    def show(self, text: str) -> None:
        """Text as it is, set in."""
        self._print("\n" + textwrap.indent(text.rstrip("\n"), "    "))

    def command(self, where: Namespace, *words: str) -> None:
        """A command as somebody would type it there; long ones are broken before options."""
        prompt = f"{where.title}$"
        lines = _broken(words, _WIDTH - len(prompt) - 7)
        typed = " \\\n        ".join(lines)
        self._print(f"\n    {self._dim(prompt)} {typed}")

    def output(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()]
        for line in lines[:_MOST_LINES]:
            self._print(f"    {line}")
        if len(lines) > _MOST_LINES:
            self._print(f"    ... {len(lines) - _MOST_LINES} more lines")

    def run(self, where: Namespace, *words: str, timeout: float = 30) -> Done:
        self.command(where, *words)
        done = where.run(*words, check=False, timeout=timeout)
        self.output(done.output + done.errors)
        return done

    def check(self, what: str, ok: bool, seen: str) -> None:
        """Notes a result for the table; `seen` is what was there, in a few words."""
        self.checks.append(Check(what, ok, seen))
        if not ok:
            self._print("\n    " + self._red(f"This did not work: {what}"))

    def table(self) -> bool:
        """Prints what worked; returns whether everything did."""
        width = max(len(check.what) for check in self.checks)
        self._print("\n" + self._bold("What worked"))
        for check in self.checks:
            mark = self._green(" ok ") if check.ok else self._red("FAIL")
            self._print(f"  {mark}  {check.what:{width}}  {check.seen}")
        good = sum(check.ok for check in self.checks)
        self._print(f"\n{good} of {len(self.checks)} worked.")
        return good == len(self.checks)

    def _print(self, text: str) -> None:
        print(text, flush=True)

    def _style(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _bold(self, text: str) -> str:
        return self._style("1", text)

    def _dim(self, text: str) -> str:
        return self._style("36", text)

    def _green(self, text: str) -> str:
        return self._style("32", text)

    def _red(self, text: str) -> str:
        return self._style("31", text)


def _broken(words: tuple[str, ...], width: int) -> list[str]:
    """Words joined into lines of at most `width`, broken where an option begins."""
    pieces: list[str] = []
    for word in map(shlex.quote, words):
        if pieces and not word.startswith("-") and pieces[-1].startswith("-"):
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines
