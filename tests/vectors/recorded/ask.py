# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks the server under test a scenario's question. Silence is told without waiting: a second
question on the same socket is answered, and the first one was not."""

import socket
import struct
import time

from recorded.message import Reply, query_wire

PORT = 5300
_WAIT = 20.0       # seconds for an answer; forwards to dead upstreams take several
_LAST_PART = 1.5   # seconds between the messages of a transfer that does not end as it should
_CONTROL = b"\xff\xfe\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07control\x07invalid\x00\x00\x01\x00\x01"


def ask(query: dict) -> tuple[list[bytes], int]:
    """The messages that came (none: silence), and the client's port."""
    wire = query_wire(query)
    stream = query.get("proto") == "tcp"
    to = query.get("to") or ("::1" if ":" in query.get("from", "") else "127.0.0.1")
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as s:
        s.bind((query.get("from") or to, 0))
        s.settimeout(_WAIT)
        port = s.getsockname()[1]
        try:
            s.connect((to, PORT))
            if stream:
                return _over_tcp(s, wire, query), port
            return _over_udp(s, wire, query.get("answer") == "none"), port
        except OSError:
            return [], port


def _over_udp(s: socket.socket, wire: bytes, silence: bool) -> list[bytes]:
    s.send(wire)
    if silence:
        s.send(_CONTROL)
    end = time.monotonic() + _WAIT
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        reply = s.recv(65536)
        if reply[:2] == wire[:2]:
            return [reply]
        if silence and reply[:2] == _CONTROL[:2]:
            return []
    return []


def _message(s: socket.socket) -> bytes:
    def exactly(count: int) -> bytes:
        got = b""
        while len(got) < count:
            more = s.recv(count - len(got))
            if not more:
                raise ConnectionError
            got += more
        return got
    return exactly(struct.unpack(">H", exactly(2))[0])


def _over_tcp(s: socket.socket, wire: bytes, query: dict) -> list[bytes]:
    s.sendall(struct.pack(">H", len(wire)) + wire)
    transfer = isinstance(query.get("q"), str) and query["q"].split()[1] in ("AXFR", "IXFR")
    got: list[bytes] = []
    try:
        while True:
            got.append(_message(s))
            s.settimeout(_LAST_PART)
            if not transfer or got[-1][3] & 15 or got[-1][6:8] == b"\0\0":
                return got
            records = [r for w in got for r in Reply(w).records["an"]]
            if " SOA " not in records[0] or (len(records) > 1 and records[-1] == records[0]):
                return got
    except OSError:
        return got
