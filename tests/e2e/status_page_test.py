# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's status page, as a browser shows it."""

import json
from dataclasses import replace

from lab.clients import curl, wait_encoded, wait_ping
from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Gateway
from lab.scenario import scenario
from lab.shell import run
from lab.site import Site
from lab.v1 import Peer
from lab.v1_messages import HOSTS
from lab.waiting import until
from lab.worlds import ALPHA, BETA, two_sites

_ADDRESS = "127.0.0.1:9103"
_PAGE = f"http://{_ADDRESS}/"
_HOSTILE = "<b>x</b>"


def browse(where: Namespace, lab: Lab, *options: str) -> str:
    """What Chromium prints. It sees the page once the script has run for two of its seconds."""
    folder = lab.path("browser/x").parent
    return where.run(
        "env", f"HOME={folder}", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={folder}", "--virtual-time-budget=2000", *options, _PAGE,
        timeout=90).output


def watched_sites(lab: Lab) -> tuple[Site, Site]:
    """Alpha serves the page; its hosts file has a line that is wrong."""
    watched = replace(ALPHA, options=("-metrics", _ADDRESS),
                      hosts_file="192.168.1.77 x #= what + 5\n192.168.1.78 #= pub + 1078\n")
    _, alpha, beta = two_sites(lab, watched)
    wait_encoded(beta.host, "web.example.com")
    wait_ping(beta.host, "web.example.com")
    return alpha, beta


@scenario("the status page in Chromium: services, sites, DNS and problems, all as text", "chromium")
def in_browser(lab: Lab) -> None:
    alpha, _ = watched_sites(lab)
    with Peer(alpha.gateway.socket) as peer:  # an agent whose source has an evil name
        peer.ask(HOSTS.replace(b"internal".hex(), _HOSTILE.encode().hex()))
        document = browse(alpha.router, lab, "--dump-dom")
    for text in (ALPHA.local(10), BETA.context, "internal:example.com", "192.168.1.78", "up ",
                 "<dt>DNS agent</dt><dd>connected</dd>",
                 "<dt>DNS server</dt><dd>connected</dd>", "1 line refused",
                 "<dt>Programs that do not say what they are</dt><dd>1</dd>",
                 "<dt>encoded addresses of 10.240.0.0/12</dt>",
                 f"<dt>references of our hosts under {ALPHA.context}</dt>",
                 "Packets of strangers may use 487,680</dd>"):
        assert text in document, f"{text} is not on the page:\n{document}"
    assert "&lt;b&gt;x&lt;/b&gt;" in document and "<b>" not in document, document
    assert "does not answer" not in document, document
    alpha.agent.process.stop()
    until(lambda: "ipref-dns-agent" not in status(alpha.router)["programs"], "the agent to be missed")
    document = browse(alpha.router, lab, "--dump-dom")
    assert "<dt>DNS agent</dt><dd>not connected</dd>" in document, document


def status(where: Namespace) -> dict:
    return json.loads(curl(where, _PAGE + "status.json").output)


@scenario("the status page is read only, loads nothing from elsewhere and keeps to its own address")
def closed(lab: Lab) -> None:
    alpha, _ = watched_sites(lab)
    data = status(alpha.router)
    assert {each["ip"] for each in data["published"]} == {ALPHA.local(10), "192.168.1.78"}, data
    assert data["peers"][0]["in"] > 0 and not data["publishedMore"], data
    head = curl(alpha.router, _PAGE, "-I").output
    assert "default-src 'none'" in head and "nosniff" in head, head
    for part in ("", "status.css", "status.js"):
        text = curl(alpha.router, _PAGE + part).output
        assert text and "//" not in text.replace("// heads", ""), text
    assert curl(alpha.router, _PAGE, "-X", "POST", "-o", "-", "-w", "%{http_code}"
                ).output.endswith("405")
    renamed = curl(alpha.router, _PAGE + "status.json", "-H", "Host: evil.example", "-f")
    assert not renamed.ok and "421" in renamed.errors, renamed
    elsewhere = curl(alpha.host, f"http://{ALPHA.local(1)}:9103/")
    assert not elsewhere.ok, elsewhere


@scenario("the status page shows how full the mapper is, and what then is refused to whom",
          "chromium")
def limits(lab: Lab) -> None:
    where = lab.host("gw")
    gateway = Gateway(lab, where, "-gateway", "203.0.113.1", "-devmode", "-encode-net",
                      "10.240.0.0/19", "-metrics", _ADDRESS,
                      hosts="192.168.1.10 web #= pub + 1025\n")
    gateway.start()

    def make_mappings(first: int, count: int) -> tuple[dict, str]:
        """Of remote hosts, as a DNS server asks for them."""
        run(lab.program("mapper-load"), str(gateway.socket), "encode", str(first), str(count),
            "500", "1")
        return status(where)["limits"][0], browse(where, lab, "--dump-dom")

    [known] = [each for each in status(where)["limits"] if each["what"].startswith("encoded")]
    assert known["held"] < known["forPackets"] == known["limit"] // 2, known
    assert known["what"] == "encoded addresses of 10.240.0.0/19", known
    used, document = make_mappings(0, known["forPackets"])
    assert used["forPackets"] <= used["held"] < used["limit"], used
    assert "Packets of strangers get no more" in document, document
    assert "Full:" not in document, document
    used, document = make_mappings(known["forPackets"], known["limit"] - known["held"])
    assert used["held"] == used["limit"], used
    assert "Full: new ones are refused" in document, document
    assert f"all {used['limit']} encoded addresses of 10.240.0.0/19 are in use" in document, document
    data = status(where)  # what is published is not lost among them
    assert [each["ip"] for each in data["published"]] == ["192.168.1.10"], data
    assert not data["publishedMore"], data
