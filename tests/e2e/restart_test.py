# SPDX-License-Identifier: GPL-2.0-or-later
"""Each program killed with SIGKILL and started again, alone, while a big transfer runs."""

from lab.clients import dig, encoded, wait_encoded, wait_ping
from lab.lab import Lab
from lab.scenario import scenario
from lab.site import Site
from lab.transfer import Transfer
from lab.worlds import two_sites

_NAME = "web.example.com"


def transferring(lab: Lab) -> tuple[Site, Site, str, Transfer]:
    """Beta fetches from alpha; returns alpha, beta, beta's address for alpha's host, transfer."""
    _, alpha, beta = two_sites(lab)
    wait_ping(beta.host, _NAME)
    address = wait_encoded(beta.host, _NAME)
    transfer = Transfer(lab, alpha.host, beta.host, _NAME)
    transfer.start()
    transfer.wait_for(0.1)
    return alpha, beta, address, transfer


@scenario("both agents are killed and restarted during a transfer of 200 MB")
def agents(lab: Lab) -> None:
    alpha, beta, address, transfer = transferring(lab)
    alpha.agent.restart_after_kill()
    beta.agent.restart_after_kill()
    transfer.wait_for(0.5)
    transfer.finish()
    assert encoded(beta.host, _NAME) == address, "the mapping has changed"


@scenario("both resolvers are killed and restarted during a transfer of 200 MB")
def resolvers(lab: Lab) -> None:
    alpha, beta, address, transfer = transferring(lab)
    alpha.resolver.restart_after_kill()
    beta.resolver.restart_after_kill()
    transfer.wait_for(0.5)
    assert wait_encoded(beta.host, _NAME) == address, "the mapping has changed"
    transfer.finish()


@scenario("the receiving site's gateway is killed and restarted during a transfer of 200 MB")
def receiving_gateway(lab: Lab) -> None:
    _, beta, address, transfer = transferring(lab)
    beta.gateway.restart_after_kill()
    transfer.wait_for(0.6)
    transfer.finish()
    assert wait_encoded(beta.host, _NAME) == address, "the mapping has changed"


@scenario("the sending site's gateway is killed and restarted during a transfer of 200 MB")
def sending_gateway(lab: Lab) -> None:
    alpha, beta, address, transfer = transferring(lab)
    alpha.gateway.restart_after_kill()
    transfer.wait_for(0.6)
    transfer.finish()
    assert wait_encoded(beta.host, _NAME) == address, "the mapping has changed"


@scenario("after a gateway's restart, agent and resolver are connected again by themselves")
def reconnected(lab: Lab) -> None:
    internet, alpha, beta = two_sites(lab)
    wait_ping(beta.host, _NAME)
    alpha.gateway.restart_after_kill()
    wait_encoded(alpha.host, "web.example.org")
    wait_ping(alpha.host, "web.example.org")
    wait_ping(beta.host, _NAME)
    assert dig(beta.host, _NAME).status == "NOERROR"
