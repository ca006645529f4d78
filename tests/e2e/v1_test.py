# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversations in V1, recorded from the deployed gateway, byte for byte."""

from ipaddress import IPv4Address, IPv4Network

from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario
from lab.v1 import Peer

_INTERNAL_EXAMPLE = "0408696e7465726e616c0000 040b6578616d706c652e636f6d000000"
_GET = ("1147914e4400000e 00000000 00000000 c6336407 000000000000000000000000000003e9"
        "04107765622e6578616d706c652e636f6d2e0000")
_HOSTS = (f"114ef3c54400001a 00001234 73bc4a6462a93661 {_INTERNAL_EXAMPLE}"
          "00000000 0a010021 cb007101 00000000000000000000000000000409"
          "00000000 0a010022 cb007101 0000000000000000000000000000040a")
_HOSTS_ACK = f"118ef3c54400000c 00001234 73bc4a6462a93661 {_INTERNAL_EXAMPLE}"
_HASH = f"114fe1814400000c 00000002 73bc4a6462a93661 {_INTERNAL_EXAMPLE}"
_HASH_ACK = f"118fe1814400000c 00000002 73bc4a6462a93661 {_INTERNAL_EXAMPLE}"
_UNKNOWN = f"114f3f604400000c 00000003 0123456789abcdef {_INTERNAL_EXAMPLE}"
_UNKNOWN_NACK = f"11cf3f604400000c 00000003 0123456789abcdef {_INTERNAL_EXAMPLE}"


def packed(text: str) -> str:
    return text.replace(" ", "")


def gateway(lab: Lab) -> Gateway:
    made = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")
    made.start()
    return made


def check_encoded(answer: str) -> IPv4Address:
    """The recorded answer, with whatever encoded address was given out; returns that."""
    encoded = IPv4Address(bytes.fromhex(answer[16:24]))
    assert encoded in IPv4Network("10.240.0.0/12"), encoded
    assert encoded.packed[2] >= 16, f"{encoded} is among the numbers that statics may use"
    expected = packed("1187914e44000009 EEEEEEEE 00000000 c6336407"
                      "000000000000000000000000000003e9").replace("EEEEEEEE", answer[16:24])
    assert answer == expected, answer
    return encoded


@scenario("a V1 resolver gets the recorded answer, and the same address again")
def resolver(lab: Lab) -> None:
    made = gateway(lab)
    with Peer(made.socket) as peer:
        first = check_encoded(peer.ask(_GET))
        assert check_encoded(peer.ask(_GET)) == first
    made.restart_after_kill()
    with Peer(made.socket) as peer:
        assert check_encoded(peer.ask(_GET)) == first, "forgotten by the restart"


@scenario("a V1 agent gets the recorded answers: host data, known hash, unknown hash")
def agent(lab: Lab) -> None:
    with Peer(gateway(lab).socket) as peer:
        assert peer.ask(_HOSTS) == packed(_HOSTS_ACK)
        assert peer.ask(_HASH) == packed(_HASH_ACK)
        assert peer.ask(_UNKNOWN) == packed(_UNKNOWN_NACK)


@scenario("malformed V1 packets get no answer, and the connection stays")
def malformed(lab: Lab) -> None:
    whole = packed(_GET)
    with Peer(gateway(lab).socket) as peer:
        for bad in (whole[:14],                                # shorter than a header
                    whole[:12] + "000f" + whole[16:],          # length field wrong
                    "12" + whole[2:],                          # signature
                    whole[:8] + "45" + whole[10:],             # no such IP version
                    whole[:10] + "01" + whole[12:],            # reserved byte
                    whole[:-8]):                               # cut off
            peer.send(bad)
        peer.send("1100000144000002")                          # NOOP: no answer either
        check_encoded(peer.ask(_GET))


@scenario("many V1 clients at once each get their own answers")
def several(lab: Lab) -> None:
    made = gateway(lab)
    peers = [Peer(made.socket) for _ in range(20)]
    for peer in peers:
        peer.send(_GET)
    assert len({check_encoded(peer.receive()) for peer in peers}) == 1
