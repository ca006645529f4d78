# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that ask a running gateway."""

import json
from pathlib import Path
from typing import Any

from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Gateway
from lab.shell import Done


class Admin:
    """`ipref-gw COMMAND` on a gateway's machine, with its mapper socket."""

    def __init__(self, lab: Lab, gateway: Gateway) -> None:
        self._program = lab.program("ipref-gw")
        self._where: Namespace = gateway.where
        self.socket: Path = gateway.socket

    def __call__(self, command: str, *options: str, timeout: float = 30) -> Done:
        return self._where.run(self._program, command, "-mapper-socket", str(self.socket),
                               *options, check=False, timeout=timeout)

    def json(self, command: str, *options: str, timeout: float = 30) -> Any:
        """The parsed answer, which has to have the schema of its command."""
        done = self(command, "-json", *options, timeout=timeout)
        assert not done.errors, done
        answer = json.loads(done.output)
        assert answer["schema"] == f"ipref.{command}/1", answer
        return answer
