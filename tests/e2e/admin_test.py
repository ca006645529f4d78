# SPDX-License-Identifier: GPL-2.0-or-later
"""ipref-gw status, mappings, peers, counters, drops: what they say of a real gateway, and of none."""

import signal

from lab import v1
from lab.admin import Admin
from lab.clients import ping, wait_encoded, wait_ping
from lab.lab import Lab
from lab.programs import Gateway
from lab.scenario import scenario
from lab.shell import run
from lab.waiting import until
from lab.worlds import REMOTE, two_gateways, two_sites

# What a deployed gateway does with a hello: nothing; and with a V1 request that it refuses: nack.
_OLD_GATEWAY = """
import socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    client, _ = server.accept()
    while record := client.recv(65536):
        if record[0] == 0x11:
            client.send(bytes([0x11, record[1] | 0xc0]) + record[2:])
"""


@scenario("status, peers, counters and drops of a gateway that works, for people and programs")
def working(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    ping(alpha.host, "10.255.1.2")
    admin = Admin(lab, alpha.gateway)

    text = admin("status")
    assert text.ok, text
    for part in ("healthy", "10.240.0.0/12", "203.0.113.10:1045", "MTU 1460", "hosts file"):
        assert part in text.output, text
    status = admin.json("status")
    assert status["health"] == "healthy" and status["problems"] == [], status
    assert status["tun"]["mtu"] == 1460 and status["listening"] == ["203.0.113.10:1045"], status
    assert status["peers"] == {"known": 1, "active": 1}, status
    assert status["clients"]["connections"] >= 1, status
    assert [source["hosts"] for source in status["sources"]] == [2], status

    [peer] = admin.json("peers")["peers"]
    assert peer["ip"] == "198.51.100.20" and peer["port"] == 1045 and peer["learned"], peer
    assert peer["received_packets"] > 0 and peer["sent_packets"] > 0, peer
    assert peer["heard_ago"] is not None, peer
    assert "198.51.100.20:1045" in admin("peers").output

    counters = admin.json("counters")["counters"]
    assert counters['ipref_gw_received_packets_total{side="udp"}'] > 0, counters
    assert "ipref_gw_sent_bytes_total" in admin("counters").output

    drops = {one["reason"]: one for one in admin.json("drops")["drops"]}
    lost = drops["destination_unknown"]
    assert lost["out"] >= 1 and lost["text"] == "no mapping for the destination", lost
    assert "no mapping for the destination" in admin("drops").output


@scenario("status shows each agent: sources, servers, serials, polls, hosts, and what went wrong")
def agents(lab: Lab) -> None:
    internet, alpha, _ = two_sites(lab)
    admin = Admin(lab, alpha.gateway)

    def told() -> dict:
        [agent] = admin.json("status")["agents"]
        return {source["name"]: source for source in agent["sources"]}.get(
            "internal:example.com", {"hosts": 0})
    until(lambda: told()["hosts"] == 1, "the agent's host is in the status")
    [server] = told()["servers"]
    assert server["server"] == "192.0.2.53:53" and server["serial"] == 1, server
    assert server["error"] is None and server["succeeded_ago"] < 60, server
    assert 44 * 60 - 60 < server["next_in"] < 75 * 60, server
    text = admin("status").output
    assert f"process {alpha.agent.process.pid}" in text and "192.0.2.53:53" in text, text

    alpha.gateway.restart_after_kill()  # it is told again
    until(lambda: admin.json("status")["agents"] and told()["hosts"] == 1, "told again")
    alpha.agent.process.kill()
    until(lambda: admin.json("status")["agents"] == [], "an agent that has gone is not shown")
    internet.dns.process.kill()
    alpha.agent.start()
    until(lambda: admin.json("status")["agents"] and "servers" in told()
          and told()["servers"][0]["error"], "the agent's last error")
    assert told()["servers"][0]["serial"] is None and told()["hosts"] == 0, told()
    assert "no connection" in admin("status").output


@scenario("ipref-gw mappings shows what resolvers, agents and hosts files made, and finds one of it")
def mappings(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    ea = wait_encoded(beta.host, "web.example.com")
    admin = Admin(lab, beta.gateway)
    [row] = admin.json("mappings", "-host", ea)["mappings"]
    assert (row["host"], row["gw"], row["ref"]) == ("remote", "203.0.113.10", "1025"), row
    assert row["owner"] == "dynamic" and 0 < row["expires_in"] <= 4 * 3600, row
    assert admin.json("mappings", "-host", "web.example.com")["mappings"] == [row]
    assert ea in admin("mappings", "-gw", "203.0.113.10").output

    source = "internal:example.org"
    until(lambda: admin.json("mappings", "-owner", source)["mappings"], "the agent's host")
    [ours] = admin.json("mappings", "-ref", "7a-1026")["mappings"]
    assert (ours["host"], ours["ip"], ours["owner"]) == ("local", beta.address, source), ours
    assert ours["expires_in"] is None, ours
    assert "no such mappings" in admin("mappings", "-ref", "77").output
    failed = admin("mappings", "-host", "nowhere.invalid")
    assert failed.status == 1 and "nowhere.invalid" in failed.errors, failed
    programs = admin.json("status")["clients"]["programs"]
    assert programs["ipref-dns-agent"] == 1 and programs["ipref-coredns"] >= 1, programs


@scenario("a gateway that does not run, is frozen, or is of the old kind: one clear line and exit 3")
def absent(lab: Lab) -> None:
    host = lab.host("gw")
    gateway = Gateway(lab, host, "-gateway", "203.0.113.1", "-devmode")
    admin = Admin(lab, gateway)

    def says(words: str, *commands: str) -> None:
        for command in commands:
            done = admin(command)
            assert done.status == 3 and not done.output, done
            assert len(done.errors.splitlines()) == 1 and words in done.errors, done

    says("no gateway runs", "status", "mappings", "peers", "counters", "drops")
    gateway.start()
    assert admin("status").ok
    refused = admin("peers")
    assert refused.status == 1 and "-devmode" in refused.errors, refused
    gateway.process.signal(signal.SIGSTOP)
    says(f"kill -CONT {gateway.process.pid}", "status")
    gateway.process.signal(signal.SIGCONT)
    until(lambda: admin("status").ok, "an answer after SIGCONT")
    gateway.process.kill()
    says("an ended one has left", "status")
    gateway.socket.unlink()
    old = lab.process("old gateway", host, ["python3", "-c", _OLD_GATEWAY, str(gateway.socket)])
    old.start()
    old.wait_for("ready")
    says("V1 only", "status")


@scenario("a wrong line in the hosts file degrades the gateway, and status says so")
def degraded(lab: Lab) -> None:
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode",
                      hosts="192.168.1.10 web #= pub +\n")
    gateway.start()
    admin = Admin(lab, gateway)
    done = admin("status")
    assert done.status == 1 and "degraded" in done.output, done
    assert "1 line refused" in done.output, done
    gateway.hosts.write_text("192.168.1.10 web #= pub + 1025\n")
    until(lambda: admin("status").status == 0, "health after the line was mended")


@scenario("a slip in a command's name gets a hint, and ipref-gw -h lists the commands")
def slips(lab: Lab) -> None:
    program = lab.program("ipref-gw")
    done = run(program, "stauts", check=False)
    assert done.status == 2 and "did you mean status?" in done.errors, done
    usage = run(program, "-h").output
    for command in ("status", "mappings", "peers", "counters", "drops"):
        assert f"\n  {command} " in usage, usage
        assert "-json" in run(program, command, "-h").output


@scenario("a hundred thousand mappings are listed whole and once each, and one is found among them")
def large(lab: Lab) -> None:
    count = 100_000
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "203.0.113.1", "-devmode")
    gateway.start()
    run(lab.program("mapper-load"), str(gateway.socket), "encode", "0", str(count), "1000", "8",
        timeout=120)
    admin = Admin(lab, gateway)
    rows = admin.json("mappings", "-owner", "dynamic", timeout=60)["mappings"]
    assert len({row["ip"] for row in rows}) == len(rows) == count, len(rows)
    some = rows[count // 2]
    found = admin.json("mappings", "-host", some["ip"])["mappings"]
    assert [row | {"expires_in": some["expires_in"]} for row in found] == [some], found  # time goes on
    text = admin("mappings", "-owner", "dynamic", timeout=60).output
    assert len(text.splitlines()) == count + 1
    with v1.Peer(gateway.socket):  # others are still served
        assert admin("status").ok
