# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs have given up once they run, and that they can do without it."""

from pathlib import Path

from lab.clients import wait_ping
from lab.lab import Lab
from lab.process import Process
from lab.readme import marked
from lab.scenario import scenario
from lab.shell import run
from lab.worlds import two_gateways, two_sites

_SETS = ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")


def statuses(process: Process) -> list[dict[str, str]]:
    """/proc/PID/status of each thread. The wrappers that enter a namespace exec the program."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [dict(line.split(":\t", 1) for line in (one / "status").read_text().splitlines()
                 if ":\t" in line) for one in threads]


def confined(process: Process) -> None:
    process.wait_for("sandbox: no capabilities, Landlock")
    for status in statuses(process):
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
        assert all(int(status[name], 16) == 0 for name in _SETS), status


@scenario("all threads of the three programs have no capability, and a filter of system calls")
def in_force(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    wait_ping(beta.host, "web.example.com")
    programs = [process for site in (alpha, beta)
                for process in (site.gateway.process, site.agent.process, site.resolver.process)]
    for process in programs:
        confined(process)
        assert "going on without" not in process.log(), process.log()
    assert len(statuses(alpha.gateway.process)) > 1, "the workers are threads"
    looked_at(alpha.gateway.process)


def looked_at(gateway: Process) -> None:
    """As docs/SECURITY.md says; there may be more than one gateway on this machine."""
    [block] = marked("looked_at")
    [command] = block.commands()
    said = run("sh", "-c", command.replace("$(pidof ipref-gw)", str(gateway.pid))).output
    assert "CapEff:\t0000000000000000" in said and "NoNewPrivs:\t1" in said, said


@scenario("-no-sandbox keeps the privileges of the gateway")
def not_in_force(lab: Lab) -> None:
    _, alpha, _ = two_gateways(lab, "-no-sandbox")
    alpha.gateway.process.wait_for("START ipref gateway")
    for status in statuses(alpha.gateway.process):
        assert status["Seccomp"] == "0" and int(status["CapEff"], 16) != 0, status
