# SPDX-License-Identifier: GPL-2.0-or-later
"""A reply beside the recorded one: what differs, less what the scenario says does not matter."""

import ipaddress
import json
import re

from recorded.message import as_list

_WITH_NAMES = {"NS", "CNAME", "SOA", "PTR", "MX", "SRV", "NAPTR", "DNAME", "RP", "AFSDB", "KX",
               "PX", "SVCB", "HTTPS", "NSEC", "MINFO", "A", "AAAA"}
_LABELLED = re.compile(r"^(.*) (EA\d+)$")


class Labels:
    """Encoded addresses as EA1, EA2, ... by order of first appearance."""

    def __init__(self, network: str | None) -> None:
        self._network = ipaddress.ip_network(network) if network else None
        self._seen: dict = {}

    def __call__(self, record: str) -> str:
        fields = record.split(" ")
        if self._network is None or len(fields) != 5 or fields[3] not in ("A", "AAAA"):
            return record
        ip = ipaddress.ip_address(fields[4])
        if ip.version != self._network.version or ip not in self._network:
            return record
        label = self._seen.setdefault(ip, f"EA{len(self._seen) + 1}")
        return " ".join([*fields[:4], label])


class Pairs:
    """Which of our labels is which of the recorded ones: one to one, learnt as answers agree."""

    def __init__(self) -> None:
        self._to_recorded: dict[str, str] = {}

    def translate(self, want: list[str], got: list[str]) -> list[str]:
        taken = set(self._to_recorded.values())
        free: dict[str, list[str]] = {}
        for record in want:
            found = _LABELLED.match(record)
            if found and found[2] not in taken:
                free.setdefault(found[1], []).append(found[2])
        return [self._one(record, free) for record in got]

    def _one(self, record: str, free: dict[str, list[str]]) -> str:
        found = _LABELLED.match(record)
        if not found:
            return record
        rest, label = found[1], found[2]
        if label not in self._to_recorded and free.get(rest):
            self._to_recorded[label] = free[rest].pop(0)
        return f"{rest} {self._to_recorded.get(label, 'EA?')}"


def folded(record: str) -> str:
    """Names in lower case, but not what stands in quotes."""
    fields = record.split(" ", 4)
    fields[0] = fields[0].lower()
    if len(fields) == 5 and fields[3] in _WITH_NAMES and not fields[4].startswith("EA"):
        parts = fields[4].split('"')
        fields[4] = '"'.join(p if i % 2 else p.lower() for i, p in enumerate(parts))
    return " ".join(fields)


def _without_ttl(record: str) -> tuple[str, int]:
    owner, ttl, rest = record.split(" ", 2)
    return f"{owner} {rest}", int(ttl)


def _subtract(section: str, want: list[str], got: list[str]) -> list[str]:
    left, extra = list(want), []
    for record in got:
        if record in left:
            left.remove(record)
        else:
            extra.append(record)
    return [f"{section}: -{r}" for r in left] + [f"{section}: +{r}" for r in extra]


def _records(section: str, want: list[str], got: list[str], norm: dict, pairs: Pairs) -> list[str]:
    want, got = [folded(r) for r in want], [folded(r) for r in got]
    if norm.get("ea") == "any":
        want, got = ([re.sub(r" EA\d+$", " EA", r) for r in x] for x in (want, got))
    if norm.get("ttl") != "max":
        return _subtract(section, want, pairs.translate(want, got))
    bare_want = [_without_ttl(r)[0] for r in want]
    bare_got = pairs.translate(bare_want, [_without_ttl(r)[0] for r in got])
    most: dict[str, int] = {}
    for key, record in zip(bare_want, want):
        most[key] = max(most.get(key, 0), _without_ttl(record)[1])
    return _subtract(section, bare_want, bare_got) + [
        f"{section}: TTL above {most[key]}: {record}" for key, record in zip(bare_got, got)
        if key in most and _without_ttl(record)[1] > most[key]]


def _edns(edns: object, norm: dict) -> list:
    skip = norm.get("options", [])
    return [(norm.get("do") == "any" or one["do"], one["version"],
             sorted(tuple(option) for option in one["options"] if option[0] not in skip))
            for one in as_list(edns)]


def _header(want: dict, got: dict, norm: dict) -> list[str]:
    out = []
    for key in ("rcode", "opcode", "flags", "tc", "question", "xfr"):
        wanted, have = want.get(key), got.get(key)
        if key == "flags" and isinstance(norm.get(key), list):
            wanted, have = ([f for f in x or [] if f not in norm[key]] for x in (wanted, have))
        if wanted != have and norm.get(key) != "any":
            out.append(f"{key}: {json.dumps(have)}, not {json.dumps(wanted)}")
    if norm.get("edns") != "any" and _edns(want["edns"], norm) != _edns(got["edns"], norm):
        out.append(f"edns: {json.dumps(got['edns'])}, not {json.dumps(want['edns'])}")
    return out


def _sections(want: dict, got: dict, norm: dict, pairs: Pairs) -> list[str]:
    sections = [s for s in ("an", "ns", "ar") if norm.get(s) != "any"]
    if want["tc"]:
        whole = {folded(r) for r in want["whole"]}
        return [f"{s}: +{r}" for s in sections for r in got[s] if folded(r) not in whole]
    out = []
    for s in sections:
        one_soa = len(got[s]) == 1 and got[s][0].split(" ")[3] == "SOA"
        if not (norm.get(s) == "or-soa" and one_soa):
            out += _records(s, want[s], got[s], norm, pairs)
    wanted, have = ([n.lower() for n in x.get("chain") or []] for x in (want, got))
    if norm.get("an") != "any" and wanted != have and sorted(wanted) == sorted(have):
        out.append(f"chain: {have}, not {wanted}")
    return out


def differences(query: dict, got: dict | str, pairs: Pairs) -> list[str]:
    want, norm = query["answer"], query.get("norm", {})
    if isinstance(want, str) or isinstance(got, str):
        return [] if want == got else [f"{json.dumps(got)}, not {json.dumps(want)}"]
    if "unparsable" in want or "unparsable" in got:
        same = ("unparsable" in want) == ("unparsable" in got)
        return [] if same else [json.dumps(got)]
    out = _header(want, got, norm) + _sections(want, got, norm, pairs)
    if query.get("proto", "udp") == "udp" and "raw" not in query:
        edns = query.get("edns")
        limit = max(512, edns.get("size", 1232)) if isinstance(edns, dict) else 512
        if got["size"] > limit:
            out.append(f"size: {got['size']} > {limit}")
    return out
