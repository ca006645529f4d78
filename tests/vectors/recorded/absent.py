# SPDX-License-Identifier: GPL-2.0-or-later
"""What is planned and not built in yet: its cases are skipped until it is."""

import re

_PLANNED = (
    (r"plugin '([a-z0-9_]+)' is known to CoreDNS but not built into this server: it is planned",
     "plugin '{}' is not built in"),
    (r"'([a-z]+)://[^']*': [a-z]+:// listeners are not built into this server yet",
     "{}:// listeners are not built in"),
    (r"forwarding over ([a-z]+) is not built in yet", "forwarding over {} is not built in"),
    (r"ipref-gw: (two families at once): not yet", "the gateway does not do {}"),
)


def planned(output: str) -> str | None:
    """What is missing, if a program refused to start because of that."""
    for pattern, what in _PLANNED:
        if found := re.search(pattern, output):
            return what.format(found[1])
    return None
