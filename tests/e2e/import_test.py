# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that finds the database of a deployed one takes its mappings over."""

import json
import shutil
from pathlib import Path

from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario
from lab.v1 import Peer

_RECORDED = Path(__file__).parent.parent / "vectors" / "bolt"
_NAME = "mapper_ea4_gw4.db"


def gateway(lab: Lab) -> Gateway:
    return Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")


def ask(peer: Peer, gw_and_ref: str) -> str:
    """Of a V1 resolver: the encoded address, in hex."""
    answer = peer.ask(f"1147914e4400000e 00000000 00000000 {gw_and_ref}"
                      "04107765622e6578616d706c652e636f6d2e0000")
    assert answer.startswith("1187914e44000009"), answer
    return answer[16:24]


def check_all(made: Gateway) -> None:
    """Each encoded address of the recorded database is still that of its host."""
    recorded = json.loads((_RECORDED / "mapper_ea4_gw4.json").read_text())["ea"]
    with Peer(made.socket) as peer:
        for ea, value in recorded:
            assert ask(peer, value[32:]) == ea, f"{ea} is not {value[32:]} any more"


@scenario("a first start takes over the mappings of a deployed gateway, once")
def first_start(lab: Lab) -> None:
    made = gateway(lab)
    made.data.mkdir()
    shutil.copy(_RECORDED / _NAME, made.data)
    made.start()
    imported = f"{_NAME}: imported 299 remote mappings and 43 local mappings"
    assert imported in made.process.log(), made.process.log()
    check_all(made)
    assert (made.data / _NAME).read_bytes() == (_RECORDED / _NAME).read_bytes()
    made.restart_after_kill()
    check_all(made)
    assert "imported" not in made.process.log(), made.process.log()


@scenario("a damaged database of a deployed gateway is reported, and the start goes on")
def damaged(lab: Lab) -> None:
    made = gateway(lab)
    made.data.mkdir()
    whole = (_RECORDED / _NAME).read_bytes()
    (made.data / _NAME).write_bytes(whole[:13 * 4096])
    made.start()
    assert f"{_NAME}: cannot be imported" in made.process.log(), made.process.log()
    with Peer(made.socket) as peer:
        ask(peer, "c6336407" + f"{1001:032x}")
