# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads pcapng files as far as tests need it: interfaces, packets, comments; strict about lengths."""

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Packet:
    interface: str
    data: bytes
    length: int
    comment: str


def _options(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        code, size = struct.unpack_from("<HH", data)
        found[code] = data[4:4 + size]
        data = data[4 + (size + 3) // 4 * 4:]
        if code == 0:
            assert not data, "something after the end of options"
    return found


def read(path: Path) -> list[Packet]:
    data = path.read_bytes()
    interfaces: list[str] = []
    packets = []
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert struct.unpack_from("<I", data, size - 4)[0] == size, "lengths of a block differ"
        body, data = data[8:size - 4], data[size:]
        if kind == 0x0A0D0D0A:
            assert struct.unpack_from("<I", body)[0] == 0x1A2B3C4D
        elif kind == 1:
            assert struct.unpack_from("<H", body)[0] == 101, "not raw IP"
            interfaces.append(_options(body[8:])[2].decode())
        elif kind == 6:
            number, _, _, kept, length = struct.unpack_from("<IIIII", body)
            options = _options(body[20 + (kept + 3) // 4 * 4:])
            packets.append(Packet(interfaces[number], body[20:20 + kept], length,
                                  options.get(1, b"").decode()))
        else:
            assert kind == 5, f"block {kind}"
    return packets
