# SPDX-License-Identifier: GPL-2.0-or-later
"""Log lines that our documents quote: each has to be one that a program can log."""

import re
from functools import cache
from pathlib import Path

from blocks import TOP

_FOLDERS = ("common", "gw", "dns-agent", "resolver")
_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_JOINED = re.compile(r'"\s*\n\s*"')          # neighbours are one text
_LEAST = 8                                   # letters that a text has to have of its own
_SEVERITY = re.compile(r"^(?:[FEWI] |\[(?:ERROR|WARNING|INFO)\] )")


def is_quote(text: str) -> bool:
    return bool(_SEVERITY.match(text))


def known(quote: str) -> bool:
    """Whether a text of the sources fits it to its end, with anything in the place of each {}, and
    nothing before it or what another text ends in a colon."""
    line = _SEVERITY.sub("", quote)
    return any(pattern.search(line) for pattern in _patterns())


@cache
def _patterns() -> list[re.Pattern[str]]:
    texts = {text for folder in _FOLDERS for path in (TOP / folder).rglob("*.cc")
             for text in _texts(path)}
    return [pattern for text in texts if (pattern := _pattern(text))]


def _texts(path: Path) -> list[str]:
    joined = _JOINED.sub("", path.read_text(encoding="utf-8"))
    return [found.replace('\\"', '"') for found in _LITERAL.findall(joined)]


def _pattern(text: str) -> re.Pattern[str] | None:
    """Of a text with enough words of its own; it has to be whole, but for what stands before."""
    parts = re.split(r"\{[^{}]*\}", text.removesuffix("\\n"))
    if sum(len(part.strip()) for part in parts) < _LEAST:
        return None
    return re.compile("(?:^|: )" + ".*".join(map(re.escape, parts)) + "$")
