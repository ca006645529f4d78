# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversations in V1, recorded from the deployed gateway, byte for byte."""

from ipaddress import IPv4Address, IPv4Network

from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario
from lab.v1 import Peer
from lab.v1_messages import GET, HASH, HASH_ACK, HOSTS, HOSTS_ACK, UNKNOWN, UNKNOWN_NACK


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
        first = check_encoded(peer.ask(GET))
        assert check_encoded(peer.ask(GET)) == first
    made.restart_after_kill()
    with Peer(made.socket) as peer:
        assert check_encoded(peer.ask(GET)) == first, "forgotten by the restart"


@scenario("a V1 agent gets the recorded answers: host data, known hash, unknown hash")
def agent(lab: Lab) -> None:
    with Peer(gateway(lab).socket) as peer:
        assert peer.ask(HOSTS) == packed(HOSTS_ACK)
        assert peer.ask(HASH) == packed(HASH_ACK)
        assert peer.ask(UNKNOWN) == packed(UNKNOWN_NACK)


@scenario("malformed V1 packets get no answer, and the connection stays")
def malformed(lab: Lab) -> None:
    whole = packed(GET)
    with Peer(gateway(lab).socket) as peer:
        for bad in (whole[:14],                                # shorter than a header
                    whole[:12] + "000f" + whole[16:],          # length field wrong
                    "12" + whole[2:],                          # signature
                    whole[:8] + "45" + whole[10:],             # no such IP version
                    whole[:10] + "01" + whole[12:],            # reserved byte
                    whole[:-8]):                               # cut off
            peer.send(bad)
        peer.send("1100000144000002")                          # NOOP: no answer either
        check_encoded(peer.ask(GET))


@scenario("many V1 clients at once each get their own answers")
def several(lab: Lab) -> None:
    made = gateway(lab)
    peers = [Peer(made.socket) for _ in range(20)]
    for peer in peers:
        peer.send(GET)
    assert len({check_encoded(peer.receive()) for peer in peers}) == 1
