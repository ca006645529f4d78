# SPDX-License-Identifier: GPL-2.0-or-later
"""ipref-gw trace and capture: what they tell of a real gateway's packets, drops and mappings."""

import json
import socket

from lab.admin import Admin
from lab.clients import ping, wait_encoded, wait_ping
from lab.lab import Lab
from lab.pcapng import Packet, read
from lab.process import Process
from lab.programs import Gateway
from lab.scenario import scenario
from lab.waiting import until
from lab.worlds import REMOTE, two_gateways, two_sites


def start(lab: Lab, gateway: Gateway, command: str, *options: str) -> Process:
    """A command that goes on until it is stopped."""
    process = lab.process(f"ipref-gw {command}", gateway.where, [
        lab.program("ipref-gw"), command, "-mapper-socket", str(gateway.socket), *options],
        ours=True)
    process.start()
    return process


@scenario("trace tells each drop with its reason, filtered by host, as text and as JSON")
def drops(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    text = start(lab, alpha.gateway, "trace", "-drops")
    lines = start(lab, alpha.gateway, "trace", "-json", "-host", "10.255.1.2", "-count", "1")

    def lose() -> bool:
        ping(alpha.host, "10.255.1.3", "-W", "0.2")
        ping(alpha.host, "10.255.1.2", "-W", "0.2")
        told = f"{alpha.address} to 10.255.1.3" in text.log() and "10.255.1.2" in text.log()
        return told and not lines.running
    until(lose, "both to tell of a drop")
    assert "drop destination_unknown: no mapping for the destination" in text.log(), text.log()
    [event] = [json.loads(line) for line in lines.log().splitlines()]
    assert event["schema"] == "ipref.trace/1" and event["event"] == "drop", event
    assert event["reason"] == "destination_unknown" and event["direction"] == "out", event
    assert event["destination"] == "10.255.1.2" and event["source"] == alpha.address, event
    assert text.stop() == 0


@scenario("trace tells mappings as they are made, and as they end")
def mappings(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    made = start(lab, beta.gateway, "trace", "-mappings")
    until(lambda: "ipref-gw command" in Admin(lab, beta.gateway)("status").output, "it to listen")
    ea = wait_encoded(beta.host, "web.example.com")
    made.wait_for(f"mapping-made {ea} = 203.0.113.10 + 1025, dynamic")
    beta.gateway.hosts.write_text("10.240.8.99 x #= ext 198.51.100.77 + 99\n")
    made.wait_for("mapping-made 10.240.8.99 = 198.51.100.77 + 99, hosts file")
    beta.gateway.hosts.write_text("\n")
    made.wait_for("mapping-ended 10.240.8.99")
    assert made.stop() == 0


@scenario("capture writes both sides of what passes, and drops with their reason as comment")
def capture(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    file = lab.path("out.pcapng")
    process = start(lab, alpha.gateway, "capture", "-o", str(file), "-snap", "2000")

    def packets() -> list[Packet]:
        return read(file) if file.exists() and file.stat().st_size else []

    until(file.exists, "the file")
    stranger = beta.router

    def seen() -> bool:
        ping(beta.host, REMOTE)
        ping(alpha.host, "10.255.1.2", "-W", "0.2")
        stranger.run("python3", "-c", "import socket; socket.socket(socket.AF_INET, "
                     "socket.SOCK_DGRAM).sendto(b'\\x70 nonsense', ('203.0.113.10', 1045))")
        comments = " ".join(one.comment for one in packets())
        return "tunnel_version" in comments and "destination_unknown" in comments
    until(seen, "drops of both sides in the file")
    assert process.stop() == 0
    assert "packets captured, 0 left out" in process.log(), process.log()

    whole = [one for one in packets() if not one.comment]
    tun = [one for one in whole if one.interface != "tunnel"]
    tunnel = [one for one in whole if one.interface == "tunnel"]
    assert tun and tunnel, whole
    for one in tunnel:  # IPv4, UDP 1045 to 1045, IPREF version 1
        assert one.data[9] == 17 and one.data[20:24] == b"\x04\x15\x04\x15", one
        ends = {socket.inet_ntoa(one.data[12:16]), socket.inet_ntoa(one.data[16:20])}
        assert ends == {"203.0.113.10", "198.51.100.20"}, one
    for one in tun:
        assert len(one.data) == one.length == int.from_bytes(one.data[2:4], "big"), one
        ends = {socket.inet_ntoa(one.data[12:16]), socket.inet_ntoa(one.data[16:20])}
        assert alpha.address in ends, one
    [lost, *_] = [one for one in packets() if "destination_unknown" in one.comment]
    assert socket.inet_ntoa(lost.data[16:20]) == "10.255.1.2", lost
    assert "no mapping for the destination" in lost.comment, lost


@scenario("capture and trace say what is wrong with their options, and that no gateway runs")
def refusals(lab: Lab) -> None:
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")
    admin = Admin(lab, gateway)
    assert admin("capture").status == 2 and "-o" in admin("capture").errors
    assert admin("trace").status == 3
    gateway.start()
    done = admin("capture", "-o", "/proc/nowhere/x")
    assert done.status == 1 and "/proc/nowhere/x" in done.errors, done
    assert admin("trace", "-host", "x").status == 2
