# SPDX-License-Identifier: GPL-2.0-or-later
"""Demos that were left running with --keep: how to look around in them, how to end them."""

import shutil
import tempfile
from pathlib import Path

from lab import namespace
from lab.lab import Lab
from lab.namespace import Namespace

_MARK = "kept"  # file in a lab's folder: names of its namespaces, one a line


def keep(lab: Lab) -> str:
    """Marks a lab as left running; returns the instructions."""
    lab.file(_MARK, "".join(f"{host.name}\n" for host in lab.hosts))
    width = max(len(host.title) for host in lab.hosts)
    shells = "\n".join(f"  {host.title:{width}}  sudo ip netns exec {host.name} bash"
                       for host in lab.hosts)
    script = Path(__file__).resolve().parent.parent / "demo.py"
    return (f"It goes on running. A shell on each host:\n\n{shells}\n\n"
            f"Configuration and logs are in {lab.folder}\n"
            f"To take it down:  sudo python3 {script} --down")


def take_down() -> int:
    """Ends every kept demo; returns how many there were."""
    count = 0
    for mark in Path(tempfile.gettempdir()).glob(f"ipref-demo-*/{_MARK}"):
        if mark.stat().st_uid != 0:  # anybody may put such a name there; ours are root's
            continue
        for name in mark.read_text().split():
            Namespace(name, name).delete()
        shutil.rmtree(mark.parent)
        count += 1
    namespace.remove_folder_if_empty()
    return count
