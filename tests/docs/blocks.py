# SPDX-License-Identifier: GPL-2.0-or-later
"""The code in our Markdown files: blocks with the marks that stand before them, and words in backticks.

A mark is an HTML comment, which no reader sees, before a block:
  <!-- check -->           its commands are ours, and docs/run.py tries each without its effects
  <!-- test FILE NAME -->  the function NAME of tests/FILE runs it
  <!-- yours WHY -->       the user's own: no test can run it
  <!-- corefile -->  <!-- hosts -->  a configuration, which docs/run.py has the programs read
  <!-- log -->             lines that our programs log
  <!-- shown WHAT -->      nothing that could be run: a picture, another program's file"""

import re
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MARKS = ("check", "test", "yours", "corefile", "hosts", "log", "shown")


@dataclass
class Block:
    file: str
    line: int
    mark: list[str]  # words of the comment; empty: there is none
    lines: list[str] = field(default_factory=list)

    @property
    def at(self) -> str:
        return f"{self.file}:{self.line}"

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def commands(self) -> list[str]:
        """Lines as they would be typed, without comments; continued ones are joined."""
        joined = self.text().replace("\\\n", " ")
        return [line for line in (re.sub(r"(^| +)# .*", "", one).strip()
                                  for one in joined.splitlines()) if line]


def files() -> list[Path]:
    return [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]


def blocks(file: Path) -> list[Block]:
    """Fenced ones, and indented ones; a mark ends a block as well as a paragraph does."""
    found: list[Block] = []
    mark: list[str] = []
    block: Block | None = None
    fence = ""
    before = ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        comment = re.fullmatch(r"\s*<!-- (.*) -->", line)
        code = line.startswith("    ") and (block is not None or not before.strip())
        if fence:
            if line.strip() == fence:
                fence, block = "", None
            else:
                block.lines.append(line)
        elif line.lstrip().startswith("```"):
            fence, block = "```", Block(_name(file), number, mark)
            found.append(block)
            mark = []
        elif comment:
            mark, block = comment[1].split(), None
        elif code:
            if block is None:
                block = Block(_name(file), number, mark)
                found.append(block)
                mark = []
            block.lines.append(line)
        elif line.strip():
            mark, block = [], None
        elif block is not None:
            block.lines.append("")
        before = "" if comment else line
    for each in found:
        _unindent(each)
    return found


def _unindent(block: Block) -> None:
    while block.lines and not block.lines[-1].strip():
        block.lines.pop()
    least = min((len(line) - len(line.lstrip()) for line in block.lines if line.strip()), default=0)
    block.lines = [line[least:] for line in block.lines]


def marked(name: str) -> list[Block]:
    """Of all files, those whose mark names this function as their test."""
    return [block for file in files() for block in blocks(file)
            if block.mark[:1] == ["test"] and block.mark[-1] == name]


def words(file: Path) -> list[tuple[int, str]]:
    """(line, text) of what stands in backticks within the text."""
    text = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"),
                  file.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = [("" if line.startswith("    ") else line) for line in text.splitlines()]
    plain = "\n".join(lines)
    return [(plain.count("\n", 0, found.start()) + 1, re.sub(r"\s+", " ", found[1]))
            for found in re.finditer(r"`([^`]+)`", plain)]


def _name(file: Path) -> str:
    return str(file.relative_to(TOP))
