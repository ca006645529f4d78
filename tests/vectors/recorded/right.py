# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers that are to differ from the recorded ones: what "right" says of them.

"rcode": one of these; "an", "ns", "ar": exactly these records; "types": {section: types}, at least
one record and no other types; "none": sections without records; "count": {section: number of
different records}, "least": so many in the answer; "owner", "data": {section: owners, data}, no
others; "ttl": the answer's TTLs, from and to; "one_ttl": they are all the same; "once": no record
twice in the answer; "xfr": as recorded. A list of such objects: any of them.
"""

import json

from recorded.compare import folded
from recorded.message import as_list


def _fields(records: list[str], at: int, splits: int) -> set[str]:
    return {record.lower().split(" ", splits)[at] for record in records}


_OWNER, _TTL, _TYPE, _DATA = (0, 1), (1, 2), (3, 4), (4, 4)


def _sections(right: dict, got: dict) -> list[str]:
    out = []
    for section in ("an", "ns", "ar"):
        if section in right:
            want, have = (sorted(map(folded, x)) for x in (right[section], got[section]))
            if want != have:
                out.append(f"{section}: {have}, not {want}")
    for key, place in (("types", _TYPE), ("owner", _OWNER), ("data", _DATA)):
        for section, wanted in right.get(key, {}).items():
            have = _fields(got[section], *place)
            if not have or not have <= {value.lower() for value in wanted}:
                out.append(f"{section}: {got[section]}, wanted {key} {wanted}")
    for section in right.get("none", []):
        if got[section]:
            out.append(f"{section}: {got[section]}, wanted none")
    for section, count in right.get("count", {}).items():
        if len(set(got[section])) != count:
            out.append(f"{section}: {len(set(got[section]))} records, not {count}")
    return out


def _one(right: dict, got: dict) -> list[str]:
    out = _sections(right, got)
    answer = got["an"]
    if "rcode" in right and got["rcode"] not in right["rcode"]:
        out.append(f"rcode: {got['rcode']}, not {right['rcode']}")
    if right.get("xfr") != got.get("xfr") and "xfr" in right:
        out.append(f"xfr: {got.get('xfr')}")
    if len(answer) < right.get("least", 0):
        out.append(f"an: {len(answer)} records, not {right['least']}")
    ttls = [int(ttl) for ttl in _fields(answer, *_TTL)]
    if right.get("one_ttl") and len(ttls) > 1:
        out.append(f"an: several TTLs: {answer}")
    if "ttl" in right and not all(right["ttl"][0] <= ttl <= right["ttl"][1] for ttl in ttls):
        out.append(f"an: TTLs {ttls}, not {right['ttl']}")
    if right.get("once") and len(set(answer)) != len(answer):
        out.append(f"an: twice: {answer}")
    return out


def differences(query: dict, got: dict | str) -> list[str]:
    rights = as_list(query["right"])
    if isinstance(got, str) or "unparsable" in got:
        return [f"{json.dumps(got)}; right is: {query['deviate']}"]
    found = [_one(right, got) for right in rights]
    if not all(found):
        return []
    return [f"right is: {query['deviate']}", *found[0]]
