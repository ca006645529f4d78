# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of queries that fail is no flood of the log, and the log tells how many there were."""

import re
import time

from lab.clients import dig
from lab.lab import Lab
from lab.programs import Resolver
from lab.scenario import scenario
from lab.waiting import until

_FLOOD = 5000
_ASK = """
import socket, struct, sys
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.settimeout(20)
to.connect(("127.0.0.1", 53))
many = int(sys.argv[1])
for start in range(0, many, 20):
    for number in range(start, start + 20):
        to.send(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + b"\\x01x\\x04test\\0\\0\\1\\0\\1")
    for _ in range(20):
        to.recv(512)
"""


@scenario("5,000 queries that fail leave few lines in the log, and their number")
def flood(lab: Lab) -> None:
    host = lab.host("dns")
    resolver = Resolver(lab, host, "127.0.0.1", """. {
    bind 127.0.0.1
    multisocket 1
    forward . 127.0.0.9
    errors
}
""")
    resolver.start()
    start = time.monotonic()
    host.run("python3", "-c", _ASK, str(_FLOOD), timeout=60)
    took = time.monotonic() - start

    def told() -> bool:
        dig(host, "x.test", "A", "@127.0.0.1")  # lines that were left out are told by a later one
        left_out = sum(map(int, re.findall(r"(\d+) more errors before", log())))
        return left_out + lines() > _FLOOD

    def log() -> str:
        return resolver.process.log()

    def lines() -> int:
        return log().count("plugin/errors: 2 x.test. A:")
    assert lines() <= 100 * (took + 2), f"{lines()} lines in {took:.1f} s"
    until(told, "the number of errors in the log")
