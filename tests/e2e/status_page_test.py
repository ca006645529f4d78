# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's status page, as a browser shows it."""

import json
from dataclasses import replace

from lab.clients import curl, wait_encoded, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site
from lab.v1 import Peer
from lab.v1_messages import HOSTS
from lab.waiting import until
from lab.worlds import ALPHA, BETA, two_sites

_ADDRESS = "127.0.0.1:9103"
_PAGE = f"http://{_ADDRESS}/"
_HOSTILE = "<b>x</b>"


def browse(site: Site, lab: Lab, *options: str) -> str:
    """What Chromium prints. It sees the page once the script has run for two of its seconds."""
    folder = lab.path("browser/x").parent
    return site.router.run(
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
        document = browse(alpha, lab, "--dump-dom")
    for text in (ALPHA.local(10), BETA.context, "internal:example.com", "192.168.1.78", "up ",
                 "<dt>DNS agent</dt><dd>connected</dd>",
                 "<dt>DNS server</dt><dd>connected</dd>", "1 line refused",
                 "<dt>Programs that do not say what they are</dt><dd>1</dd>"):
        assert text in document, f"{text} is not on the page:\n{document}"
    assert "&lt;b&gt;x&lt;/b&gt;" in document and "<b>" not in document, document
    assert "does not answer" not in document, document
    alpha.agent.process.stop()
    until(lambda: "ipref-dns-agent" not in status(alpha)["programs"], "the agent to be missed")
    document = browse(alpha, lab, "--dump-dom")
    assert "<dt>DNS agent</dt><dd>not connected</dd>" in document, document


def status(site: Site) -> dict:
    return json.loads(curl(site.router, _PAGE + "status.json").output)


@scenario("the status page is read only, loads nothing from elsewhere and keeps to its own address")
def closed(lab: Lab) -> None:
    alpha, _ = watched_sites(lab)
    data = status(alpha)
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
