# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS messages: what a scenario asks, as bytes, and what of a reply is compared."""

import random
import re
import struct

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire

_FLAGS = {"qr": 0x8000, "aa": 0x400, "rd": 0x100, "ra": 0x80, "z": 0x40, "ad": 0x20, "cd": 0x10}
_TC = 0x200
_OPCODES = {"QUERY": 0, "IQUERY": 1, "STATUS": 2, "NOTIFY": 4, "UPDATE": 5}
_OPT = 41
_SECTIONS = ("an", "ns", "ar")


def _name(text: str) -> bytes:
    return dns.name.from_text(text).to_wire()


def _question(text: str) -> bytes:
    name, rtype, *klass = text.split()
    return _name(name) + struct.pack(">HH", dns.rdatatype.from_text(rtype),
                                     dns.rdataclass.from_text(*klass or ["IN"]))


def _record(text: str) -> bytes:
    name, ttl, klass, rtype, *data = text.split(None, 4)
    kind, number = dns.rdataclass.from_text(klass), dns.rdatatype.from_text(rtype)
    wire = dns.rdata.from_text(kind, number, data[0]).to_wire() if data else b""
    return _name(name) + struct.pack(">HHIH", number, kind, int(ttl), len(wire)) + wire


def _opt(edns: dict) -> bytes:
    options = b"".join(struct.pack(">HH", code, len(data) // 2) + bytes.fromhex(data)
                       for code, data in edns.get("options", []))
    ttl = edns.get("version", 0) << 16 | (0x8000 if edns.get("do") else 0)
    return b"\0" + struct.pack(">HHIH", _OPT, edns.get("size", 1232), ttl, len(options)) + options


def as_list(value: object) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def query_wire(query: dict) -> bytes:
    if "raw" in query:
        return bytes.fromhex(query["raw"])
    questions = as_list(query["q"])
    flags = _OPCODES.get(query.get("opcode", "QUERY"), query.get("opcode", 0)) << 11
    for name in query.get("flags") or []:
        flags |= _TC if name == "tc" else _FLAGS[name]
    sections = {s: [_record(r) for r in query.get(s, [])] for s in _SECTIONS}
    sections["ar"] += [_opt(edns) for edns in as_list(query.get("edns"))]
    head = struct.pack(">6H", random.randrange(1, 65536), flags, len(questions),
                       *(len(sections[s]) for s in _SECTIONS))
    return head + b"".join(map(_question, questions)) + b"".join(
        record for s in _SECTIONS for record in sections[s])


class Reply:
    """A message taken apart; raises on what is none."""

    def __init__(self, wire: bytes) -> None:
        parser = dns.wire.Parser(wire)
        _, self.flags, questions, *counts = parser.get_struct(">6H")
        self.rcode = self.flags & 15
        self.edns: list[dict] = []
        self.records: dict[str, list[str]] = {s: [] for s in _SECTIONS}
        self.question = [self._read_question(parser) for _ in range(questions)]
        for section, count in zip(_SECTIONS, counts):
            for _ in range(count):
                self._read_record(parser, wire, section)
        self.trailing = parser.remaining()

    @staticmethod
    def _read_question(parser: dns.wire.Parser) -> str:
        name = parser.get_name()
        rtype, klass = parser.get_struct(">HH")
        return f"{name} {dns.rdataclass.to_text(klass)} {dns.rdatatype.to_text(rtype)}"

    def _read_record(self, parser: dns.wire.Parser, wire: bytes, section: str) -> None:
        name = parser.get_name()
        rtype, klass, ttl, length = parser.get_struct(">HHIH")
        start = parser.current
        data = parser.get_bytes(length)
        if rtype == _OPT:
            self.rcode |= ttl >> 24 << 4
            self.edns.append({"do": bool(ttl & 0x8000), "version": ttl >> 16 & 255,
                              "options": _options(data)})
            return
        text = _data_text(wire, rtype, start, length)
        self.records[section].append(f"{name} {ttl} {dns.rdataclass.to_text(klass)} "
                                     f"{dns.rdatatype.to_text(rtype)} {text}".rstrip())


def _options(data: bytes) -> list:
    out, parser = [], dns.wire.Parser(data)
    while parser.remaining():
        code, length = parser.get_struct(">HH")
        out.append([code, parser.get_bytes(length).hex()])
    return out


def _data_text(wire: bytes, rtype: int, at: int, length: int) -> str:
    """As that of class IN, whatever the class."""
    if length == 0:
        return ""
    try:
        parser = dns.wire.Parser(wire, at)
        with parser.restrict_to(length):
            return dns.rdata.from_wire_parser(dns.rdataclass.IN, rtype, parser).to_text()
    except Exception:
        return f"\\# {length} {wire[at:at + length].hex()}"


def observed(messages: list[bytes], label, port: int) -> dict | str:
    """The reply (all messages of a transfer) as scenarios describe it; `port` is the client's."""
    if not messages:
        return "none"
    try:
        replies = [Reply(wire) for wire in messages]
    except Exception as error:
        return {"unparsable": repr(error), "hex": messages[0].hex()}
    first = replies[0]
    own_port = re.compile(rf"^(\S*_(?:udp|tcp)\.\S* 0 \S+ SRV 0 0) {port} ")
    opcode = first.flags >> 11 & 15
    rcode = "BADVERS" if first.rcode == 16 else dns.rcode.to_text(first.rcode)
    out: dict = {"rcode": rcode}
    if opcode:
        out["opcode"] = {v: k for k, v in _OPCODES.items()}.get(opcode, opcode)
    out["flags"] = [name for name, bit in _FLAGS.items() if first.flags & bit]
    out["tc"] = bool(first.flags & _TC)
    out["question"], out["edns"] = first.question, first.edns
    ordered = {s: [label(r) for reply in replies for r in reply.records[s]] for s in _SECTIONS}
    for section, records in ordered.items():
        out[section] = sorted(own_port.sub(r"\1 CPORT ", r) for r in records)
    answer = ordered["an"]
    whole = len(answer) > 1 and answer[0] == answer[-1] and " SOA " in answer[0]
    owners = list(dict.fromkeys(r.split(" ")[0] for r in answer))
    if whole or len(replies) > 1:
        out["xfr"] = "whole" if whole else "broken"
    elif len(owners) > 1:
        out["chain"] = owners
    out["size"] = sum(map(len, messages))
    if first.trailing:
        out["trailing"] = first.trailing
    return out
