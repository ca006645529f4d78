# SPDX-License-Identifier: GPL-2.0-or-later
"""Owns the hosts, the programs on them and their files, and takes all of it down."""

import os
import shutil
import tempfile
from pathlib import Path

from lab import interrupts
from lab.namespace import Namespace
from lab.process import Process


class Lab:
    """One network. Names carry this process's id, so that several may stand side by side."""

    def __init__(self, programs: Path, kind: str) -> None:
        """`programs`: folder of the binaries; `kind`: "e2e" or "demo", part of all names."""
        self.programs = programs.resolve()
        self.prefix = f"ipref-{kind}-{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self.folder.chmod(0o755)
        self.hosts: list[Namespace] = []
        self.processes: list[Process] = []

    def host(self, title: str, forwarding: bool = False) -> Namespace:
        made = Namespace(f"{self.prefix}-{title}", title)
        self.hosts.append(made)
        made.create(forwarding)
        return made

    def process(self, title: str, where: Namespace, command: list[str],
                ours: bool = False) -> Process:
        """Prepares a program; the caller starts it."""
        count = len(self.processes)
        log = self.folder / f"{count:02d}-{title.replace(' ', '-')}.log"
        made = Process(title, where, command, log, ours)
        self.processes.append(made)
        return made

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def path(self, name: str) -> Path:
        made = self.folder / name
        made.parent.mkdir(parents=True, exist_ok=True)
        return made

    def file(self, name: str, text: str) -> Path:
        made = self.path(name)
        made.write_text(text)
        return made

    def stop(self) -> list[str]:
        """Ends the programs, the youngest first; returns what is to complain about."""
        for process in reversed(self.processes):
            process.end()
        return [text for process in self.processes for text in process.complaints()]

    def reports(self) -> str:
        return "\n\n".join(process.report() for process in self.processes if process.started)

    def remove(self) -> None:
        """Leaves nothing, in whatever state it is. May be called twice."""
        with interrupts.held():
            for process in reversed(self.processes):
                process.end()
            for host in self.hosts:
                host.delete()
            self.hosts.clear()
            shutil.rmtree(self.folder, ignore_errors=True)
