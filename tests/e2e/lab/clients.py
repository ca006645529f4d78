# SPDX-License-Identifier: GPL-2.0-or-later
"""Real clients and servers: dig, ping, curl, iperf3, a web server."""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from lab.lab import Lab
from lab.namespace import Namespace
from lab.process import Process
from lab.shell import Done
from lab.waiting import until

_WEB_PORT = "80"


@dataclass(frozen=True)
class Answer:
    """What dig printed: the response code ("" without a response), and the answer section."""

    status: str
    records: tuple[tuple[str, str, str], ...]  # owner, type, data
    done: Done

    def data(self, kind: str) -> list[str]:
        return [data for _, found, data in self.records if found == kind]


def dig(where: Namespace, name: str, kind: str = "A", *options: str) -> Answer:
    """Asks the server of the host's resolv.conf, or the one given as an option "@ADDRESS"."""
    done = where.run("dig", "+tries=1", "+time=3", "+noall", "+comments", "+answer", *options,
                     name, kind, check=False)
    status = re.search(r"status: (\w+)", done.output)
    records = [line.split(None, 4) for line in done.output.splitlines()
               if line and not line.startswith(";")]
    return Answer(status[1] if status else "",
                  tuple((r[0], r[3], r[4]) for r in records if len(r) == 5), done)


def encoded(where: Namespace, name: str, encode_net: str = "10.240.0.0/12") -> str:
    """The encoded address that the site's DNS gives for a name, or "" if it gives none."""
    kind = "AAAA" if ":" in encode_net else "A"
    found = dig(where, name, kind).data(kind)
    if found and ip_address(found[0]) in ip_network(encode_net):
        return found[0]
    return ""


def wait_encoded(where: Namespace, name: str, encode_net: str = "10.240.0.0/12") -> str:
    return until(lambda: encoded(where, name, encode_net), f"an encoded address for {name}")


def ping(where: Namespace, target: str, *options: str, count: int = 1) -> Done:
    """One packet by default; a status other than 0 means no reply."""
    return where.run("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "2", *options, target,
                     check=False)


def wait_ping(where: Namespace, target: str, *options: str, seconds: float = 20) -> None:
    until(lambda: ping(where, target, "-W", "1", *options).ok,
          f"{where.title} gets an answer from {target} {' '.join(options)}".rstrip(), seconds)


def curl(where: Namespace, url: str, *options: str) -> Done:
    return where.run("curl", "-sS", "--max-time", "10", *options, url, check=False)


def serve_pages(lab: Lab, where: Namespace, pages: dict[str, str], ipv6: bool = False) -> Process:
    """A web server on port 80 with these pages, by file name; started and ready."""
    folder = lab.path(f"{where.title}/www/index.html").parent
    for name, text in pages.items():
        (folder / name).write_text(text)
    server = lab.process(f"{where.title} web server", where, [
        "python3", "-u", "-m", "http.server", "--bind", "::" if ipv6 else "0.0.0.0",
        "--directory", str(folder), _WEB_PORT])
    server.start()
    server.wait_for("Serving HTTP")
    return server


def web_folder(lab: Lab, where: Namespace) -> Path:
    return lab.path(f"{where.title}/www")


def serve_iperf(lab: Lab, where: Namespace) -> Process:
    server = lab.process(f"{where.title} iperf3", where, ["iperf3", "-s", "--forceflush"])
    server.start()
    server.wait_for("Server listening")
    return server
