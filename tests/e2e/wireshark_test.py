# SPDX-License-Identifier: GPL-2.0-or-later
"""packaging/wireshark/ipref.lua: what Wireshark shows of packets that gateways sent."""

from pathlib import Path

from lab.clients import ping, wait_ping
from lab.lab import Lab
from lab.process import Process
from lab.programs import Gateway
from lab.scenario import scenario
from lab.shell import run
from lab.waiting import until
from lab.worlds import ALPHA, BETA, PUBLIC_6, REMOTE, over_ipv6, two_gateways, two_sites

_DISSECTOR = Path(__file__).resolve().parents[2] / "packaging" / "wireshark" / "ipref.lua"


def capturing(lab: Lab, gateway: Gateway, file: Path) -> Process:
    process = lab.process("capture", gateway.where, [
        lab.program("ipref-gw"), "capture", "-mapper-socket", str(gateway.socket), "-o", str(file)],
        ours=True)
    process.start()
    until(lambda: file.exists() and file.stat().st_size, "the file")
    return process


def shown(lab: Lab, file: Path, filter_: str, *fields: str) -> list[tuple[str, ...]]:
    """The fields of the packets that the filter leaves. Scripts are not run for root."""
    script = lab.file("ipref.lua", _DISSECTOR.read_text())
    wanted = [word for field in fields for word in ("-e", field)]
    done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/",
               "tshark", "-X", f"lua_script:{script}", "-r", str(file), "-Y", filter_, "-T",
               "fields", *wanted)
    assert "Lua" not in done.errors, done
    return [tuple(line.split("\t")) for line in done.output.splitlines()]


@scenario("Wireshark shows contexts, references, the packet inside and drops", "tshark")
def dissected(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    file = lab.path("four.pcapng")
    capture = capturing(lab, alpha.gateway, file)
    ping(beta.host, REMOTE)
    ping(beta.host, REMOTE, "-s", "3000")
    beta.router.run("python3", "-c", "import socket; socket.socket(socket.AF_INET, "
                    "socket.SOCK_DGRAM).sendto(b'\\x70 nonsense', ('203.0.113.10', 1045))")
    until(lambda: b"tunnel_version" in file.read_bytes(), "the drop in the file")
    assert capture.stop() == 0
    file.chmod(0o644)
    whole = shown(lab, file, "ipref.fragmented == 0 && !frame.comment", "ipref.version",
                  "ipref.source", "ipref.source_ref", "ipref.destination", "ipref.destination_ref",
                  "ipref.protocol", "icmp.type")
    there = ("1", BETA.context, "22", ALPHA.context, "22", "1", "8")
    back = ("1", ALPHA.context, "22", BETA.context, "22", "1", "0")
    assert there in whole and back in whole, whole
    offsets = {offset for offset, in shown(lab, file, "ipref.fragmented == 1",
                                           "ipref.fragment.offset")}
    assert "0" in offsets and len(offsets) >= 3, offsets
    [(comment, )] = shown(lab, file, "ipref && frame.comment", "frame.comment")
    assert "tunnel_version" in comment, comment
    bad = shown(lab, file, "ipref.source && _ws.malformed", "frame.number")
    assert not bad, bad


@scenario("Wireshark shows IPv6 contexts and references of all lengths", "tshark")
def dissected_ipv6(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab, over_ipv6(ALPHA), over_ipv6(BETA))
    wait_ping(beta.host, "web.example.com")
    file = lab.path("six.pcapng")
    capture = capturing(lab, alpha.gateway, file)
    ping(beta.host, "web.example.com")
    until(lambda: file.read_bytes().count(b"\x04\x15\x04\x15") >= 2, "there and back in the file")
    assert capture.stop() == 0
    file.chmod(0o644)
    ends = [PUBLIC_6["beta"].split("/")[0], PUBLIC_6["alpha"].split("/")[0]]
    [(source, destination, reference, dynamic)] = shown(
        lab, file, "ipref && icmp.type == 8", "ipref.source6", "ipref.destination6",
        "ipref.destination_ref", "ipref.source_ref")
    assert [source, destination, reference] == [*ends, "1025"], (source, destination, reference)
    assert dynamic in beta.router.run(
        lab.program("ipref-gw"), "mappings", "-mapper-socket", str(beta.gateway.socket)).output
