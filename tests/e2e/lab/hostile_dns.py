# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server that can misbehave: serves one zone over TCP, its hosts' own addresses over UDP, and
tells the agent of changes. How it answers a transfer is a function, which the scenario exchanges."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.namespace import Namespace

A, SOA, TXT, IXFR, AXFR = 1, 6, 16, 251, 252
QR, TC = 0x8400, 0x8600  # both authoritative
_IN, _NOTIFY = 1, 4 << 11
_POINTER = b"\xc0\x0c"   # to the question's name


def name(text: str) -> bytes:
    labels = [label.encode() for label in text.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner: str, kind: int, rdata: bytes) -> bytes:
    return name(owner) + struct.pack("!HHIH", kind, _IN, 60, len(rdata)) + rdata


def txt(owner: str, text: str) -> bytes:
    return record(owner, TXT, bytes([len(text)]) + text.encode())


@dataclass(frozen=True)
class Asked:
    id: int
    zone: str
    kind: int

    def message(self, records: list[bytes], *, flags: int = QR, zone: str = "",
                id_off_by: int = 0) -> bytes:
        """With its length in front."""
        body = struct.pack("!6H", (self.id + id_off_by) & 0xFFFF, flags, 1, len(records), 0, 0)
        body += name(zone or self.zone) + struct.pack("!HH", self.kind, _IN) + b"".join(records)
        return framed(body)


def framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


Behaviour = Callable[["HostileDns", Asked], Iterator[bytes]]


def honest(server: "HostileDns", asked: Asked) -> Iterator[bytes]:
    yield asked.message([server.soa(), *server.records(), server.soa()])


class HostileDns:
    """`hosts`: "web" to the host's own address; published as gw 198.51.100.1 and its last byte."""

    def __init__(self, where: Namespace, address: str, port: int, zone: str, local: str) -> None:
        self.zone, self.local = zone, local
        self.hosts: dict[str, str] = {}
        self.serial = 1
        self.behaviour: Behaviour = honest
        self.asked: list[Asked] = []
        self.sent = 0  # bytes of answers to transfers that the agent's end has taken
        self._udp = where.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, port))
        self._tcp = where.open_socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((address, port))
        self._tcp.listen()
        for run in (self._answer_datagrams, self._accept):
            threading.Thread(target=run, daemon=True).start()

    def notify(self, address: str, port: int) -> None:
        """Says that the zone has changed, which it then has."""
        self.serial += 1
        query = struct.pack("!6H", self.serial, _NOTIFY, 1, 0, 0, 0) + name(self.zone)
        self._udp.sendto(query + struct.pack("!HH", SOA, _IN), (address, port))

    def soa(self, serial: int | None = None) -> bytes:
        numbers = struct.pack("!5I", self.serial if serial is None else serial, 3600, 600, 86400, 60)
        return record(self.zone, SOA, b"\0\0" + numbers)

    def records(self) -> list[bytes]:
        return [txt(f"{host}.{self.zone}", f"AA 198.51.100.1 + {ip.split('.')[-1]}")
                for host, ip in self.hosts.items()]

    def _answer_datagrams(self) -> None:
        while True:
            query, source = self._udp.recvfrom(4096)
            if query[2] & 0x80:
                continue  # the answer to a NOTIFY
            asked, end = _parse(query)
            ip = self.hosts.get(asked.zone.removesuffix("." + self.local), "")
            head = struct.pack("!6H", asked.id, QR | (0 if ip else 3), 1, 1 if ip else 0, 0, 0)
            answer = _POINTER + struct.pack("!HHIH", A, _IN, 1, 4) + socket.inet_aton(ip or "0")
            self._udp.sendto(head + query[12:end] + (answer if ip else b""), source)

    def _accept(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            asked, _ = _parse(connection.recv(4096)[2:])
            self.asked.append(asked)
            try:
                if asked.kind == SOA:
                    connection.sendall(asked.message([self.soa()]))
                    connection.recv(1)  # its end
                    return
                for piece in self.behaviour(self, asked):
                    connection.sendall(piece)
                    self.sent += len(piece)
                if self.behaviour is honest:
                    connection.recv(1)
            except OSError:
                pass  # the agent has had enough


def _parse(query: bytes) -> tuple[Asked, int]:
    """The question, and where it ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    return Asked(struct.unpack("!H", query[:2])[0], ".".join(labels).lower(), kind), at + 5
