# SPDX-License-Identifier: GPL-2.0-or-later
"""What this machine must have for a lab."""

import os
import shutil
from pathlib import Path

_COMMANDS = ("ip", "sysctl", "iptables", "nft", "dig", "ping", "curl", "iperf3", "nc")
_PROGRAMS = ("ipref-gw", "ipref-dns-agent", "ipref-coredns")


def missing() -> str:
    """Why no lab can be made here, with the remedy; empty if one can."""
    if os.geteuid() != 0:
        return "network namespaces need root; run it with sudo"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun; load the kernel's module tun"
    absent = [name for name in _COMMANDS if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}; ./dev installs them on Debian"
    return ""


def missing_programs(folder: Path) -> str:
    """Which of the suite's programs are not in `folder`; empty if all are."""
    absent = [name for name in _PROGRAMS if not os.access(folder / name, os.X_OK)]
    if absent:
        return f"{', '.join(absent)} not in {folder}; ./dev build makes them"
    return ""
