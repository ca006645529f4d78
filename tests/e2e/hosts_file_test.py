# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's hosts file, changed under its feet."""

import re
import signal
from pathlib import Path

from lab.clients import ping, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.waiting import stays, until
from lab.worlds import REMOTE, two_gateways

_REREAD_SECONDS = 5  # the promise is one second; sanitized binaries on a busy machine get more


def refused(host) -> bool:
    return not ping(host, REMOTE, "-W", "1").ok


def remap(text: str, ref: str) -> str:
    return text.replace("+ 22", f"+ {ref}")


def replace_by_rename(file: Path, text: str) -> None:
    """As editors save: a new file beside the old one, renamed over it."""
    beside = file.with_name("hosts.new")
    beside.write_text(text)
    beside.rename(file)


@scenario("a hosts file edited in place or replaced by rename counts within a second")
def edited(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    original = alpha.plan.hosts_file
    wait_ping(beta.host, REMOTE)
    alpha.gateway.hosts.write_text(remap(original, "23"))
    until(lambda: refused(beta.host), "ref 22 is withdrawn", _REREAD_SECONDS)
    replace_by_rename(alpha.gateway.hosts, original)
    wait_ping(beta.host, REMOTE, seconds=_REREAD_SECONDS)
    replace_by_rename(alpha.gateway.hosts, remap(original, "24"))
    until(lambda: refused(beta.host), "ref 22 is withdrawn again", _REREAD_SECONDS)
    alpha.gateway.hosts.write_text(original)
    wait_ping(beta.host, REMOTE, seconds=_REREAD_SECONDS)


@scenario("SIGHUP has the hosts file read again, and the gateway goes on")
def hangup(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    read = re.compile(r"HOSTS \S*: \d+ mapping").findall
    before = len(read(alpha.gateway.process.log()))
    alpha.gateway.process.signal(signal.SIGHUP)
    until(lambda: len(read(alpha.gateway.process.log())) > before, "it has been read again")
    wait_ping(beta.host, REMOTE)


@scenario("a broken line of the hosts file is named with its number and skipped alone")
def broken(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    alpha.gateway.hosts.write_text("192.168.1.300 bad #= pub + 30\n" + alpha.plan.hosts_file)
    place = f"{alpha.gateway.hosts}:1"
    alpha.gateway.process.wait_for(place, _REREAD_SECONDS)
    wait_ping(beta.host, REMOTE, seconds=_REREAD_SECONDS)


@scenario("a removed hosts file leaves the last good set in force, and is read when it is back")
def removed(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    alpha.gateway.hosts.unlink()
    stays(lambda: ping(beta.host, REMOTE).ok, "pings after the removal", seconds=2)
    alpha.gateway.hosts.write_text(remap(alpha.plan.hosts_file, "23"))
    until(lambda: refused(beta.host), "ref 22 is withdrawn", _REREAD_SECONDS)
