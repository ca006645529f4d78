# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs as services: descriptors that outlive a gateway, sockets that are handed over."""

import re

from lab.clients import serve_iperf, wait_ping
from lab.lab import Lab
from lab.process import Process
from lab.manager import ServiceManager
from lab.scenario import scenario
from lab.transfer import Transfer
from lab.site import Site
from lab.waiting import until
from lab.worlds import ALPHA, BETA, REMOTE, pointing_at
from lab.internet import Internet

_PINGS = 1000
_MOST_LOST = 5
_NAMES = ["tun-0", "tun-1", "udp4-0", "udp4-1"]


def managed(lab: Lab) -> tuple[Site, Site, ServiceManager]:
    """Two gateways with static mappings; alpha's has a service manager."""
    internet = Internet(lab)
    alpha = Site(lab, internet, pointing_at(ALPHA, BETA))
    beta = Site(lab, internet, pointing_at(BETA, ALPHA))
    alpha.gateway.process.command += ["-threads", "2"]
    manager = ServiceManager(lab, alpha.gateway.process)
    alpha.gateway.start()
    manager.wait_for("READY=1")
    beta.gateway.start()
    wait_ping(beta.host, REMOTE)
    return alpha, beta, manager


@scenario("a gateway that is restarted, ended or killed, loses no packets to speak of")
def restart(lab: Lab) -> None:
    alpha, beta, manager = managed(lab)
    assert manager.stored() == _NAMES, manager.stored()
    transfer = Transfer(lab, alpha.host, beta.host, REMOTE)
    pings = thousand_pings(lab, beta)
    pings.start()
    transfer.start()
    for share, end in ((0.1, alpha.gateway.process.stop), (0.35, alpha.gateway.process.kill),
                       (0.6, alpha.gateway.process.stop)):
        transfer.wait_for(share)
        end()
        alpha.gateway.start()
        manager.wait_for("READY=1")
        said = alpha.gateway.process.log()
        assert "kept from the gateway before: tun0 and 2 tunnel sockets" in said, said
    transfer.finish()
    pings.wait(60)
    assert received(pings) >= _PINGS - _MOST_LOST, pings.log()
    assert manager.stored() == _NAMES, manager.stored()


@scenario("a gateway restarts under iperf3 and 1,000 pings: at most 5 are lost, TCP goes on")
def restart_at_full_speed(lab: Lab) -> None:
    alpha, beta, manager = managed(lab)
    server = serve_iperf(lab, alpha.host)
    pings = thousand_pings(lab, beta)
    iperf = lab.process("iperf3", beta.host, [
        "iperf3", "-c", REMOTE, "-t", "10", "-i", "1", "--forceflush"])
    iperf.start()
    iperf.wait_for("connected to")
    pings.start()
    for second, end in ((2, alpha.gateway.process.stop), (5, alpha.gateway.process.kill)):
        until(lambda: len(seconds_of(server.log())) > second, f"{second} s of iperf3")
        end()
        alpha.gateway.start()
        manager.wait_for("READY=1")
    assert iperf.wait(60) == 0, iperf.log()
    arrived = seconds_of(server.log())
    assert len(arrived) >= 9 and min(arrived) > 0, server.log()
    pings.wait(60)
    assert received(pings) >= _PINGS - _MOST_LOST, pings.log()


def seconds_of(log: str) -> list[float]:
    """What arrived in each second, in the units that iperf3 chose; its closing lines are longer."""
    return [float(amount) for start, end, amount in
            re.findall(r"([\d.]+)-([\d.]+) +sec +([\d.]+) \wBytes", log)
            if 0.9 < float(end) - float(start) < 1.1]


def thousand_pings(lab: Lab, site: Site) -> Process:
    return lab.process("pings", site.host, [
        "ping", "-n", "-q", "-i", "0.01", "-c", str(_PINGS), "-W", "5", REMOTE])


def received(pings: Process) -> int:
    return int(re.search(r"(\d+) received", pings.log())[1])


@scenario("what has been kept for a gateway is used as far as it fits its options")
def changed_options(lab: Lab) -> None:
    alpha, beta, manager = managed(lab)
    process = alpha.gateway.process
    command = list(process.command)

    def restart_with(*options: str) -> str:
        process.stop()
        process.command = [*command, *options]
        alpha.gateway.start()
        manager.wait_for("READY=1")
        return process.log()

    said = restart_with("-threads", "1", "-disable-offload", "all")
    assert "kept from the gateway before: tun0 and 1 tunnel socket" in said, said
    assert "tun-1" in said and "udp4-1" in said and manager.stored() == ["tun-0", "udp4-0"], said
    wait_ping(beta.host, REMOTE)
    said = restart_with("-threads", "3", "-gateway-ifc-mtu", "1400")
    assert "kept from the gateway before: tun0 and 1 tunnel socket" in said, said
    assert len(manager.stored()) == 6, manager.stored()
    assert "mtu 1360" in alpha.router.run("ip", "link", "show", "tun0").output
    wait_ping(beta.host, REMOTE)
    said = restart_with("-tun", "ipref0", "-gateway-bind", "0.0.0.0")
    assert "tun0 of the gateway before does not fit" in said and "0.0.0.0:1045" in said, said
    assert "tun0" not in alpha.router.run("ip", "link", "show").output
    wait_ping(beta.host, REMOTE)
    alpha.router.ip("address add 10.99.0.1/24 dev ipref0")
    said = restart_with("-tun", "ipref0", "-gateway-bind", "0.0.0.0")
    assert "does not fit" in said and "10.99.0.1/24" in said and "2 tunnel sockets" in said, said
    wait_ping(beta.host, REMOTE)
    alpha.router.ip("link del ipref0")
    assert process.wait() == 1, "goes on without its interface"
    alpha.gateway.start()
    wait_ping(beta.host, REMOTE)
