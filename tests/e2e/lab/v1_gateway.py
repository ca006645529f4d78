# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for a deployed gateway: speaks V1 and nothing else, in the bytes of the protocol's
description; holds what agents give it, in memory. What it does not understand it drops."""

import os
import socket
import struct
import threading
from ipaddress import ip_address
from pathlib import Path

_REQUEST, _ACK, _NACK = 0x40, 0x80, 0xC0
_HOST_DATA, _HASH = 14, 15
_RECORD = struct.Struct("!4s4s4s16s")  # EA, our IP, gw, ref: of addresses that are all IPv4
_LONGEST = 1200
_FNV_START, _FNV_PRIME, _64_BITS = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1

Records = dict[tuple[bytes, bytes], bytes]  # (gw, ref) to our IP


def hash_of(records: Records) -> int:
    """FNV-1a over IP, gw and ref of each, in order of (gw, ref)."""
    value = _FNV_START
    for (gw, ref), ip in sorted(records.items()):
        for byte in ip + gw + ref:
            value = (value ^ byte) * _FNV_PRIME & _64_BITS
    return value


class V1Gateway:
    """Sources are named "LOCAL:PUBLIC"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flaws: list[str] = []  # what a client did that the protocol does not allow
        self.dropped = 0            # records in another protocol
        self._sources: dict[str, tuple[int, Records]] = {}
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.path))
        os.chmod(self.path, 0o660)
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Hangs up, and forgets everything."""
        with self._lock:
            for one in (self._listener, *self._connections):
                one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._connections.clear()
        self.forget()

    def forget(self) -> None:
        """What it was told; the connections stay."""
        with self._lock:
            self._sources.clear()

    def hosts(self, source: str) -> dict[str, str] | None:
        """IPREF addresses and the hosts behind them, "198.51.100.1 + 7": "10.0.0.7"; None if it
        does not know the source, or does not have the whole of it yet."""
        with self._lock:
            value, records = self._sources.get(source, (0, {}))
            if value != hash_of(records):
                return None
            return {f"{ip_address(gw)} + {int.from_bytes(ref):x}": str(ip_address(ip))
                    for (gw, ref), ip in records.items()}

    def answer(self, packet: bytes) -> bytes:
        """Empty: none."""
        if len(packet) < 8 or packet[0] != 0x11:
            self.dropped += 1
            return b""
        command, (words,) = packet[1] & 0x3F, struct.unpack("!H", packet[6:8])
        if packet[1] & 0xC0 != _REQUEST or packet[4] != 0x44 or packet[5] != 0:
            return self._flaw(f"header {packet[:8].hex()}")
        if words * 4 != len(packet) or len(packet) > _LONGEST:
            return self._flaw(f"{len(packet)} bytes, its header says {words} words")
        if command not in (_HOST_DATA, _HASH):
            return self._flaw(f"command {command}")
        first, value = struct.unpack("!IQ", packet[8:20])
        local, at = _string(packet, 20)
        public, at = _string(packet, at)
        source = f"{local}:{public}"
        with self._lock:
            if command == _HASH:
                held, records = self._sources.get(source, (0, {}))
                known = (held, len(records)) == (value, first)
                return self._reply(packet, _ACK if known else _NACK, len(packet))
            if self._sources.get(source, (None, {}))[0] != value:
                self._sources[source] = (value, {})
            for ea, ip, gw, ref in _RECORD.iter_unpack(packet[at:]):
                if any(ea):
                    self.flaws.append(f"a record has an EA: {ea.hex()}")
                self._sources[source][1][gw, ref] = ip
        return self._reply(packet, _ACK, at)

    @staticmethod
    def _reply(packet: bytes, mode: int, size: int) -> bytes:
        head = bytes([0x11, mode | packet[1] & 0x3F]) + packet[2:6] + struct.pack("!H", size // 4)
        return head + packet[8:size]

    def _flaw(self, text: str) -> bytes:
        self.flaws.append(text)
        return b""

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                made, _ = listener.accept()
            except OSError:
                return  # stopped
            with self._lock:
                self._connections.append(made)
            threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while packet := connection.recv(1 << 17):
                if reply := self.answer(packet):
                    connection.send(reply)
        except OSError:
            pass  # stopped, or the client has gone


def _string(packet: bytes, at: int) -> tuple[str, int]:
    """A string and where the next thing begins, padded to whole words."""
    assert packet[at] == 4, f"no string at {at}: {packet.hex()}"
    size = packet[at + 1]
    return packet[at + 2:at + 2 + size].decode(), at + (2 + size + 3) // 4 * 4
