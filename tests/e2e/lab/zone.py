# SPDX-License-Identifier: GPL-2.0-or-later
"""Text of zone files."""

from collections.abc import Iterable


def text(domain: str, records: Iterable[str], serial: int = 1) -> str:
    """A zone with its SOA and NS; `records` are lines such as "web TXT \\"AA gw + 1025\\""."""
    return "\n".join([
        f"$ORIGIN {domain}.",
        "$TTL 60",
        f"@ IN SOA ns.{domain}. admin.{domain}. {serial} 3600 600 86400 60",
        f"@ IN NS ns.{domain}.",
        *records,
        "",
    ])


def address(name: str, value: str) -> str:
    """An A or AAAA record, by the look of the value."""
    return f"{name} IN {'AAAA' if ':' in value else 'A'} {value}"


def published(name: str, gateway: str, ref: str, ttl: int = 60) -> str:
    """An AA record: how a host is announced to the world."""
    return f'{name} {ttl} IN TXT "AA {gateway} + {ref}"'
