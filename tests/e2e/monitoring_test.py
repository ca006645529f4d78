# SPDX-License-Identifier: GPL-2.0-or-later
"""What packaging/monitoring asks for is there to be asked for; health pages of all programs."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

from lab.clients import curl, dig, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.waiting import until
from lab.worlds import ALPHA, two_sites

_MONITORING = Path(__file__).resolve().parents[2] / "packaging" / "monitoring"
_NAME = re.compile(r"\b(?:ipref|coredns)_[a-z0-9_]+")
_GATEWAY, _AGENT = "127.0.0.1:9101", "127.0.0.1:9102"


def expressions() -> list[str]:
    dashboard = json.loads((_MONITORING / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = (_MONITORING / "alerts.yaml").read_text()
    asked += re.findall(r"expr: *(?:>-\n)?((?:.+\n)(?: {10,}[^ a-z].*\n)*)", rules)
    assert len(asked) > 20, asked
    return asked


@scenario("every metric of the dashboard and the alert rules exists; all programs tell their health")
def monitoring(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab, replace(ALPHA, options=("-metrics", _GATEWAY, "-metrics-peers", "10")))
    process = alpha.agent.process
    process.stop()
    at = process.command.index("-m")
    process.command[at:at] = ["-metrics", _AGENT]
    alpha.agent.start()
    alpha.resolver.process.stop()
    corefile = Path(alpha.resolver.process.command[-1])
    corefile.write_text(corefile.read_text().replace(
        "    errors\n", "    errors\n    prometheus\n    reload\n") + ". {\n    bind 127.0.0.1\n    health\n    ready\n    whoami\n}\n")
    alpha.resolver.start()
    wait_ping(alpha.host, "web.example.org")
    wait_ping(beta.host, "web.example.com")
    dig(alpha.host, "web.example.org")

    def page(at: str, path: str) -> str:
        return curl(alpha.router, f"http://{at}/{path}").output

    def metrics() -> str:
        return "".join(page(at, "metrics") for at in (_GATEWAY, _AGENT, "localhost:9153"))

    names = {name for each in expressions() for name in _NAME.findall(each)}
    assert len(names) > 15, names
    until(lambda: not [name for name in names
                       if not re.search(rf"^{name}(?=[ {{])", metrics(), re.M)],
          f"all of these are there: {' '.join(sorted(names))}")
    heard = re.search(r'ipref_gw_peer_last_received_timestamp_seconds{peer="198.51.100.20"} (\d+)', metrics())
    assert heard and abs(int(heard[1]) - time.time()) < 3600, metrics()
    for alive, ready in ((_GATEWAY, _GATEWAY), (_AGENT, _AGENT), ("localhost:8080", "localhost:8181")):
        for at in (f"{alive}/healthz", f"{ready}/readyz"):
            assert curl(alpha.router, f"http://{at}", "-f").output, at
    assert page("localhost:8080", "health") == "OK" and page("localhost:8181", "ready") == "OK"
