# SPDX-License-Identifier: GPL-2.0-or-later
"""A big file that curl fetches while things happen, and whose SHA-256 is compared at the end."""

import hashlib
import os

from lab.clients import serve_pages, web_folder
from lab.lab import Lab
from lab.namespace import Namespace
from lab.waiting import until

_MEGABYTE = 1_000_000


class Transfer:
    """curl on `client` fetches `megabytes` from a web server on `server`, at a limited rate."""

    def __init__(self, lab: Lab, server: Namespace, client: Namespace, url_host: str,
                 megabytes: int = 200, rate: str = "50M", ipv6: bool = False) -> None:
        serve_pages(lab, server, {}, ipv6)
        self._size = megabytes * _MEGABYTE
        self._digest = _write_noise(web_folder(lab, server) / "big", megabytes)
        self._received = lab.path(f"{client.title}/received")
        self._curl = lab.process(f"{client.title} curl", client, [
            "curl", "-sS", "--fail", "--limit-rate", rate, "-o", str(self._received),
            f"http://{url_host}/big"])

    def start(self) -> None:
        self._curl.start()

    def wait_for(self, share: float, seconds: float = 30) -> None:
        """Waits until so much of the file has arrived (0 to 1); fails if curl has ended."""
        def arrived() -> bool:
            assert self._curl.running, f"curl has ended too early: {self._curl.log()}"
            return self._share() >= share
        until(arrived, f"{share:.0%} of the file has arrived", seconds)

    def finish(self, seconds: float = 60) -> None:
        """Waits for the end; fails unless every byte is right."""
        status = self._curl.wait(seconds)
        assert status == 0, f"curl ended with status {status}: {self._curl.log()}"
        with self._received.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert digest == self._digest, "the file that arrived is not the one that was sent"

    def _share(self) -> float:
        try:
            return os.path.getsize(self._received) / self._size
        except FileNotFoundError:
            return 0.0


def _write_noise(path, megabytes: int) -> str:
    """Random bytes, no two megabytes alike; returns their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(megabytes):
            block = os.urandom(_MEGABYTE)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()
