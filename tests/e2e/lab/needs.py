# SPDX-License-Identifier: GPL-2.0-or-later
"""What this machine must have for a lab."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_COMMANDS = ("ip", "sysctl", "iptables", "nft", "dig", "ping", "curl", "iperf3", "nc")
_PROGRAMS = ("ipref-gw", "ipref-dns-agent", "ipref-coredns")


def missing() -> str:
    """Why no lab can be made here, with the remedy; empty if one can."""
    if os.geteuid() != 0:
        return "network namespaces need root; run it with sudo"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun; load the kernel's module tun"
    return absent(_COMMANDS)


def absent(commands: Iterable[str]) -> str:
    """Which of the commands are not installed, with the remedy; empty if all are."""
    names = [name for name in commands if shutil.which(name) is None]
    return f"not installed: {', '.join(names)}; ./dev installs them on Debian" if names else ""


def missing_programs(folder: Path) -> str:
    """Which of the suite's programs are not in `folder`; empty if all are."""
    names = [name for name in _PROGRAMS if not os.access(folder / name, os.X_OK)]
    if names:
        return f"{', '.join(names)} not in {folder}; ./dev build makes them"
    return ""
