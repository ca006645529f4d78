# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that nobody should send, as fast as they can be sent, beside traffic that has to go on."""

import json
import re
from collections import Counter

from lab.clients import curl, wait_ping
from lab.lab import Lab
from lab.namespace import Namespace
from lab.scenario import scenario
from lab.site import Site
from lab.transfer import Transfer
from lab.worlds import ALPHA, REMOTE, two_gateways

_METRICS = "127.0.0.1:9100"
_REF = "22"  # of alpha's host: see two_gateways


def metrics(site: Site) -> Counter:
    text = curl(site.router, f"http://{_METRICS}/metrics").output
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return Counter({name: int(float(value)) for name, value in rows})


def load(lab: Lab, where: Namespace, *words: str) -> int:
    """How many packets were sent."""
    done = where.run(lab.program("packet-load"), *words, timeout=60)
    return json.loads(done.output)["sent"]


def incoming_drops(found: Counter) -> dict[str, int]:
    """By reason, of packets out of the tunnel; errors that were not sent are no packets."""
    names = ((re.search('direction="in",reason="(.*)"', name), count)
             for name, count in found.items())
    return {match[1]: count for match, count in names
            if match and count and match[1] != "icmp_rate_limited"}


@scenario("hostile packets at full rate: a transfer arrives whole, every packet is accounted for")
def hostile(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab, "-metrics", _METRICS)
    wait_ping(alpha.host, REMOTE)
    transfer = Transfer(lab, beta.host, alpha.host, REMOTE, megabytes=100, rate="40M")
    transfer.start()
    before = metrics(alpha)
    for seed in ("1", "2"):
        assert load(lab, internet.router, "hostile", ALPHA.context, _REF, "1", "0", seed) > 1000
    transfer.finish()
    after = metrics(alpha)
    after.subtract(before)
    drops = incoming_drops(after)
    for reason in ("tunnel_truncated", "tunnel_version", "layer4_truncated", "protocol",
                   "source_context_mismatch", "destination_unknown"):
        assert drops.get(reason, 0) > 0, f"none was dropped as {reason}: {drops}"
    arrived = after['ipref_gw_received_packets_total{side="udp"}']
    passed = after['ipref_gw_sent_packets_total{side="tun"}']
    assert arrived == passed + sum(drops.values()), (arrived, passed, drops)


@scenario("packets make thousands of mappings a second; another flow loses none of its packets")
def new_mappings(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab, "-metrics", _METRICS)
    wait_ping(beta.host, REMOTE)
    tool = lab.program("udp-load")
    receiver = lab.process("receiver", alpha.host, [tool, "receive", alpha.address, "9045", "6"])
    receiver.start()
    receiver.wait_for("ready")
    sender = lab.process("sender", beta.host,
                         [tool, "send", REMOTE, "9045", "200", "3", "1", "500"])
    sender.start()
    sent = load(lab, internet.router, "new", ALPHA.context, _REF, "2", "4000", "1")
    for each in (sender, receiver):
        assert each.wait(30) == 0, each.log()
    got = json.loads(receiver.log().splitlines()[-1])["packets"]
    assert got == json.loads(sender.log())["sent"], (receiver.log(), sender.log())
    found = metrics(alpha)
    made = found['ipref_mapper_entries{kind="remote"}']
    refused = found['ipref_gw_dropped_packets_total{direction="in",reason="no_encoded_address"}']
    assert made > 1000 and made + refused >= sent, (made, refused, sent)
