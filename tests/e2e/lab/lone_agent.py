# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent without a gateway beside a name server (lab/dns_servers.py): it prints what it would
publish."""

from pathlib import Path

from lab.clients import curl
from lab.lab import Lab
from lab.name_server import ADDRESS, PORT, SECRET
from lab.namespace import Namespace
from lab.process import Process

_METRICS = f"{ADDRESS}:9753"


def agent(lab: Lab, where: Namespace, *options: str, way: str = "") -> Process:
    """It prints what a gateway would be told."""
    return lab.process(f"{where.title} ipref-dns-agent", where, [
        lab.program("ipref-dns-agent"), "-devmode", "-debug", "-metrics", _METRICS,
        "-resolver", f"{ADDRESS}:{PORT}", *options, f"internal:example.com:{ADDRESS}:{PORT}{way}"],
        ours=True)


def secret_file(lab: Lab, secret: str = SECRET) -> Path:
    made = lab.file("secret", secret + "\n")
    made.chmod(0o600)
    return made


def transfers(where: Namespace, result: str) -> int:
    """How many polls had this result."""
    found = [line for line in metrics(where)
             if line.startswith("ipref_dns_agent_zone_transfers_total{")
             and f'result="{result}"' in line]
    return int(found[0].split()[-1]) if found else 0


def metrics(where: Namespace) -> list[str]:
    return curl(where, f"http://{_METRICS}/metrics").output.splitlines()
