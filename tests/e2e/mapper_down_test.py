# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolver while there is no gateway to ask."""

import signal

from lab.clients import dig, wait_encoded
from lab.lab import Lab
from lab.scenario import scenario
from lab.waiting import until
from lab.worlds import two_sites

_NAME = "web.example.org"
# The promise is 500 ms for the mapper; dig's own start and a busy machine come on top, and what
# must not happen is that a client waits for its own time-out (3 s here).
_AT_ONCE = 2.0


@scenario("while the gateway is down the resolver says so at once, and recovers by itself")
def gateway_down(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab)
    alpha.gateway.process.kill()
    answer = until(lambda: dig(alpha.host, _NAME), "an answer")
    assert answer.status == "SERVFAIL", answer.done
    assert answer.done.seconds < _AT_ONCE, answer.done
    assert "EDE:" in answer.done.output, answer.done
    plain = dig(alpha.host, "gw.example.org")
    assert plain.data("A") == ["198.51.100.20"], plain.done
    alpha.gateway.start()
    wait_encoded(alpha.host, _NAME)


@scenario("a resolver started before its gateway serves other names, and all when that is up")
def resolver_first(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab)
    alpha.gateway.process.kill()
    alpha.resolver.restart_after_kill()
    assert dig(alpha.host, _NAME).status == "SERVFAIL"
    assert dig(alpha.host, "web.internal").data("A") == [alpha.address]
    alpha.gateway.start()
    wait_encoded(alpha.host, _NAME)


@scenario("a stopped gateway that does not answer holds no query up")
def gateway_hangs(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab)
    alpha.gateway.process.signal(signal.SIGSTOP)
    try:
        answer = dig(alpha.host, _NAME)
    finally:
        alpha.gateway.process.signal(signal.SIGCONT)
    assert answer.status == "SERVFAIL", answer.done
    assert answer.done.seconds < _AT_ONCE, answer.done
    wait_encoded(alpha.host, _NAME)
