# SPDX-License-Identifier: GPL-2.0-or-later
"""A V1 speaker for the mapper socket: sends and expects bytes, knows nothing of their meaning."""

import socket
from pathlib import Path

_LONGEST = 65_536


class Peer:
    """One connection; a record is given and returned as hex, blanks are for the reader."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(5)
        self._socket.connect(str(path))

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, record: str) -> None:
        self._socket.send(bytes.fromhex(record))

    def receive(self) -> str:
        return self._socket.recv(_LONGEST).hex()

    def ask(self, record: str) -> str:
        self.send(record)
        return self.receive()
