# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway by itself: its own traffic, strangers, its database, its metrics."""

from lab.clients import curl, ping, serve_pages, wait_encoded, wait_ping
from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario
from lab.v1 import Peer
from lab.waiting import until
from lab.worlds import REMOTE, two_gateways, two_sites
from lab.v1_messages import GET

_GARBAGE = """
import os, random, socket
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(5000):
    size = random.randint(0, 200)
    to.sendto(random.choice([b"", b"\\x10\\x40\\x40\\x11"]) + os.urandom(size),
              ("203.0.113.10", 1045))
"""


@scenario("the gateway's own machine reaches remote hosts too")
def own_traffic(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    serve_pages(lab, alpha.host, {"index.html": "alpha\n"})
    wait_encoded(beta.router, "web.example.com")
    wait_ping(beta.router, "web.example.com")
    got = curl(beta.router, "http://web.example.com/")
    assert got.output == "alpha\n", got


@scenario("garbage from the Internet harms nothing, and does not fill the log")
def garbage(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    internet.router.run("python3", "-c", _GARBAGE)
    wait_ping(beta.host, REMOTE)
    lines = alpha.gateway.process.log().splitlines()
    assert len(lines) < 200, f"{len(lines)} lines for 5000 packets"


@scenario("a damaged database is set aside with an error, and the gateway starts empty")
def damaged_database(lab: Lab) -> None:
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")
    gateway.start()
    with Peer(gateway.socket) as peer:
        peer.ask(GET)
    gateway.process.kill()
    database = gateway.data / "mapper.lmdb"
    files = [database] if database.is_file() else list(database.glob("data.mdb"))
    for file in files:
        file.write_bytes(b"no database" * 1000)
    before = set(gateway.data.iterdir())
    gateway.start()
    assert "E " in gateway.process.log(), gateway.process.log()
    assert set(gateway.data.iterdir()) - before, "nothing was set aside"
    with Peer(gateway.socket) as peer:
        assert peer.ask(GET).startswith("1187914e44000009")


@scenario("-metrics serves Prometheus text and health, counting what passed")
def metrics(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab, "-metrics", "127.0.0.1:9100")
    wait_ping(beta.host, REMOTE)

    def fetch(path: str) -> str:
        return curl(alpha.router, f"http://127.0.0.1:9100/{path}").output

    until(lambda: fetch("readyz"), "an answer of /readyz")
    text = fetch("metrics")
    for name in ("ipref_gw_build_info", "ipref_gw_received_packets_total"):
        assert name in text, text
    ping(alpha.host, "10.255.1.2")
    dropped = [line for line in fetch("metrics").splitlines()
               if line.startswith("ipref_gw_dropped_packets_total") and not line.endswith(" 0")]
    assert dropped, "the packet to an address without a mapping is not counted"
