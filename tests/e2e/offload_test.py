# SPDX-License-Identifier: GPL-2.0-or-later
"""The data path with its offloads, with each of them off, with a path that changes, with threads."""

import json
from dataclasses import replace

from lab.clients import curl, serve_iperf, wait_ping
from lab.lab import Lab
from lab.namespace import Namespace
from lab.scenario import scenario
from lab.site import Site
from lab.transfer import Transfer
from lab.waiting import until
from lab.worlds import ALPHA, BETA, REMOTE, over_ipv6, two_gateways, two_sites, with_ipv6_lan

_METRICS = "127.0.0.1:9100"
_NAMES = ("tun-checksum", "tun-tso", "tun-uso", "tun-gro-tcp", "tun-gro-udp", "udp-gso", "udp-gro")


def metric(site: Site, line_start: str) -> float:
    """The sum of what begins so in the gateway's metrics."""
    text = curl(site.router, f"http://{_METRICS}/metrics").output
    values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
              if line.startswith(line_start)]
    assert values, f"no metric {line_start}"
    return sum(values)


def narrow(internet, site: Site, mtu: int) -> None:
    """The link between the router and a site's gateway, which does not hear of it."""
    internet.router.ip(f"link set {site.internet_end} mtu {mtu}")


def iperf_udp(where: Namespace, *options: str) -> list[dict]:
    """Each stream's figures."""
    done = where.run("iperf3", "-u", "-c", REMOTE, "-t", "2", "-J", *options)
    return [stream["udp"] for stream in json.loads(done.output)["end"]["streams"]]


@scenario("TCP crosses in super-packets, both ways, IPv4 and IPv6")
def super_packets(lab: Lab) -> None:
    plans = [replace(over_ipv6(plan), options=("-metrics", _METRICS))
             for plan in (ALPHA, with_ipv6_lan(BETA))]
    _, alpha, beta = two_sites(lab, *plans)
    for client, server, name in ((beta, alpha, "web.example.com"),
                                 (alpha, beta, "web.example.org")):
        wait_ping(client.host, name)
        transfer = Transfer(lab, server.host, client.host, name, megabytes=50, rate="0",
                            ipv6=server is beta)
        transfer.start()
        transfer.finish()
        assert metric(server, 'ipref_gw_received_super_packets_total{side="tun"}') > 100
        assert metric(client, 'ipref_gw_sent_super_packets_total{side="tun"}') > 100
        assert metric(client, "ipref_gw_dropped_packets_total") < 100
    assert "offloads: tun-checksum, tun-tso" in alpha.gateway.process.log()


def _without(name: str):
    @scenario(f"everything passes with -disable-offload {name}")
    def one_off(lab: Lab) -> None:
        _, alpha, beta = two_gateways(lab, "-disable-offload", name, "-metrics", _METRICS)
        wait_ping(alpha.host, REMOTE)
        transfer = Transfer(lab, beta.host, alpha.host, REMOTE, megabytes=20, rate="0")
        transfer.start()
        transfer.finish()
        serve_iperf(lab, beta.host)
        for size in ("100", "1200"):
            for stream in iperf_udp(alpha.host, "-b", "2M", "-l", size):
                assert stream["packets"] > 0 and stream["lost_packets"] == 0, stream
        off = [each for each in _NAMES if metric(alpha, f'ipref_gw_offload{{name="{each}"') == 0]
        wanted = list(_NAMES) if name == "all" else [name]
        if name == "tun-checksum":
            wanted += ["tun-tso", "tun-uso"]  # which need it
        assert off == wanted, off
        if name in ("all", "tun-tso"):
            assert metric(beta, 'ipref_gw_received_super_packets_total{side="tun"}') == 0
        if name in ("all", "tun-gro-tcp"):
            assert metric(alpha, 'ipref_gw_sent_super_packets_total{side="tun"}') == 0


for _each in (*_NAMES, "all"):
    _without(_each)


@scenario("a path that shrinks twice during a transfer: it goes on, and every byte is right")
def shrinking_path(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab, "-metrics", _METRICS)
    wait_ping(alpha.host, REMOTE)
    transfer = Transfer(lab, beta.host, alpha.host, REMOTE, megabytes=150, rate="50M")
    transfer.start()
    transfer.wait_for(0.2)
    narrow(internet, alpha, 1400)
    transfer.wait_for(0.5)
    narrow(internet, alpha, 1280)
    transfer.finish()
    assert metric(beta, "ipref_gw_path_mtu_changes_total") >= 2
    dropped = 'ipref_gw_dropped_packets_total{direction="out",reason="mtu_exceeded"}'
    assert metric(beta, dropped) > 0


@scenario("four threads keep the order within each flow, both ways")
def order(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab, "-threads", "4", "-metrics", _METRICS)
    wait_ping(alpha.host, REMOTE)
    serve_iperf(lab, beta.host)
    for options in ([], ["-R"]):
        streams = iperf_udp(alpha.host, "-b", "20M", "-l", "500", "-P", "8", *options)
        assert len(streams) == 8
        for stream in streams:
            assert stream["packets"] > 1000, stream
            assert stream["out_of_order"] == 0, stream
    assert metric(alpha, "ipref_gw_threads") == 4


@scenario("a gateway under -threads 3 carries a transfer while peers come and go")
def threads_and_restart(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab, "-threads", "3")
    wait_ping(alpha.host, REMOTE)
    transfer = Transfer(lab, beta.host, alpha.host, REMOTE, megabytes=100, rate="50M")
    transfer.start()
    transfer.wait_for(0.2)
    beta.gateway.restart_after_kill()
    until(lambda: beta.gateway.process.running, "the gateway runs again")
    transfer.wait_for(0.6)
    transfer.finish()
