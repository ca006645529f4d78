# SPDX-License-Identifier: GPL-2.0-or-later
"""ipref-gw doctor: each thing is broken in turn, is found, and is mended by the commands printed."""

import json
import signal
from dataclasses import replace

from lab.admin import Admin
from lab.clients import ping, wait_encoded, wait_ping
from lab.internet import Internet
from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Gateway
from lab.scenario import scenario
from lab.shell import Done
from lab.site import Site
from lab.waiting import until
from lab.worlds import ALPHA, BETA, REMOTE, pointing_at, two_gateways, two_sites

_TAKE_PORT = """
import socket, sys, time
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("0.0.0.0", int(sys.argv[1])))
print("taken", flush=True)
time.sleep(600)
"""


def findings(done: Done, level: str) -> dict[str, list[str]]:
    """By check, the commands of the findings of that level."""
    assert not done.errors, done
    answer = json.loads(done.output)
    assert answer["schema"] == "ipref.doctor/1", answer
    found: dict[str, list[str]] = {}
    for each in answer["findings"]:
        if each["level"] == level:
            found.setdefault(each["check"], []).extend(each["mend"])
    return found


class Patient:
    """A gateway's machine that is well at first."""

    def __init__(self, lab: Lab, gateway: Gateway) -> None:
        self.where: Namespace = gateway.where
        self._admin = Admin(lab, gateway)
        self.tun = self._admin.json("status")["tun"]["name"]

    def examine(self) -> Done:
        return self._admin("doctor", "-json")

    def breaks(self, check: str, broken_by: str, level: str = "FAIL") -> None:
        """After the command the check finds something, after its commands it does not."""
        assert check not in findings(self.examine(), level), f"{check} is ill before"
        self.where.run("sh", "-c", broken_by)
        done = self.examine()
        found = findings(done, level)
        assert check in found, f"{broken_by}: not found\n{done}"
        assert done.status == 2 if level == "FAIL" else done.status >= 1, done
        assert found[check], f"{check}: no command\n{done}"
        for command in found[check]:
            self.where.run("sh", "-c", command)
        after = self.examine()
        assert check not in findings(after, level), f"{found[check]} do not mend\n{after}"


@scenario("doctor finds forwarding, filters, MTU, routes, firewall and rights broken, and mends them")
def breakages(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    patient = Patient(lab, alpha.gateway)
    tun = patient.tun
    patient.breaks("forwarding", "sysctl -w net.ipv4.ip_forward=0")
    patient.breaks("rp_filter", f"sysctl -w net/ipv4/conf/{tun}/rp_filter=1", "WARN")
    patient.breaks("mtu", f"ip link set {tun} mtu 1500")
    patient.breaks("mtu", f"ip link set {tun} mtu 1300", "WARN")
    patient.breaks("interface", f"ip link set {tun} down")
    patient.breaks("route", f"ip route del 10.240.0.0/12 dev {tun}")
    patient.breaks("overlap", "ip route add 10.240.8.0/24 dev lan")
    patient.breaks("firewall", "iptables -P FORWARD DROP")
    patient.breaks("firewall", "iptables -A INPUT -p udp --dport 1045 -j DROP")
    patient.breaks("firewall", "iptables -I FORWARD -j REJECT")
    patient.breaks("socket", f"chmod 0600 {alpha.gateway.socket}")
    patient.breaks("socket", f"chmod 0666 {alpha.gateway.socket}", "WARN")
    wait_ping(beta.host, REMOTE)  # all of it is mended


@scenario("doctor finds IPv6 switched off where the gateway is to use it")
def without_ipv6(lab: Lab) -> None:
    gateway = Gateway(lab, lab.host("gw"), "-gateway", "::", "-encode-net", "fd00:240::/64")
    gateway.start()
    patient = Patient(lab, gateway)
    patient.breaks("ipv6", "sysctl -w net.ipv6.conf.all.disable_ipv6=1")
    patient.breaks("ipv6", f"sysctl -w net/ipv6/conf/{patient.tun}/disable_ipv6=1")


@scenario("doctor sees rules of nftables, and its commands let packets pass")
def nftables(lab: Lab) -> None:
    _, alpha, beta = two_gateways(lab)
    wait_ping(beta.host, REMOTE)
    patient = Patient(lab, alpha.gateway)
    table = lab.file("rules.nft", """table inet guard {
    chain passing { type filter hook forward priority 0; policy drop; }
    chain coming { type filter hook input priority 0; policy drop; iif lo accept; }
}
""")
    patient.where.run("nft", "-f", str(table))
    assert not ping(beta.host, REMOTE, "-W", "1").ok
    commands = findings(patient.examine(), "FAIL")["firewall"]
    assert len(commands) == 3, commands
    for command in commands:
        patient.where.run("sh", "-c", command)
    assert "firewall" not in findings(patient.examine(), "FAIL")
    wait_ping(beta.host, REMOTE)


@scenario("doctor says which program is missing, and what is well when all run")
def programs(lab: Lab) -> None:
    _, alpha, beta = two_sites(lab)
    wait_encoded(beta.host, "web.example.com")
    wait_encoded(alpha.host, "web.example.org")
    admin = Admin(lab, alpha.gateway)
    done = admin("doctor", "-json")
    assert not findings(done, "FAIL"), done
    assert {"tun", "forwarding", "gateway", "port", "route", "resolver", "agent"} <= set(
        findings(done, "OK")), done
    alpha.resolver.process.stop()
    alpha.agent.process.stop()
    ill = until(lambda: "agent" in findings(admin("doctor", "-json"), "FAIL") and
                findings(admin("doctor", "-json"), "FAIL"), "the agent to be missed")
    assert ill["resolver"] == ["systemctl restart ipref-coredns"], ill
    assert ill["agent"] == ["systemctl start ipref-dns-agent"], ill


@scenario("doctor measures a path that loses large packets silently, and says what mends it")
def black_hole(lab: Lab) -> None:
    internet, alpha, beta = two_gateways(lab)
    wait_ping(alpha.host, REMOTE)
    admin = Admin(lab, alpha.gateway)
    assert "path" in findings(admin("doctor", "-json"), "OK")
    internet.router.ip(f"link set {beta.internet_end} mtu 1400")
    silent = ("OUTPUT", "-p", "icmp", "--icmp-type", "fragmentation-needed", "-j", "DROP")
    internet.router.run("iptables", "-A", *silent)
    commands = findings(admin("doctor", "-json"), "WARN")["path"]
    options = lab.file("gateway.env", 'IPREF_GATEWAY_OPTIONS="-gateway 203.0.113.10"\n')
    alpha.router.run("sh", "-c", commands[0].replace("/etc/ipref/gateway.env", str(options)))
    *_, option, value = options.read_text().rstrip('"\n').split()
    assert (option, value) == ("-gateway-ifc-mtu", "1400"), options.read_text()
    alpha.gateway.process.stop()
    mended = Gateway(lab, alpha.router, "-gateway", ALPHA.context, option, value,
                     hosts=alpha.plan.hosts_file)
    mended.start()
    wait_ping(alpha.host, REMOTE, "-s", "1300")
    done = Admin(lab, mended)("doctor", "-json")
    assert "path" in findings(done, "OK") and "path" not in findings(done, "WARN"), done


@scenario("doctor says that a gateway behind a NAT has a private address, and who was never heard")
def behind_nat(lab: Lab) -> None:
    internet = Internet(lab)
    home = Site(lab, internet, replace(pointing_at(BETA, ALPHA), nat=True))
    away = Site(lab, internet, pointing_at(ALPHA, BETA))
    wrong = Gateway(lab, home.router, "-gateway", "172.16.0.2", hosts=home.plan.hosts_file)
    wrong.start()
    found = findings(Admin(lab, wrong)("doctor", "-json"), "WARN")
    assert any("-gateway-pub 0.0.0.0" in each for each in found["address"]), found
    wrong.process.stop()
    home.gateway.start()
    admin = Admin(lab, home.gateway)
    ping(home.host, REMOTE, "-c", "4", "-i", "0.2", "-W", "1")
    assert "peers" in findings(admin("doctor", "-json"), "WARN")
    assert "address" in findings(admin("doctor", "-json"), "OK")
    away.gateway.start()
    wait_ping(home.host, REMOTE)
    assert "peers" in findings(admin("doctor", "-json"), "OK")


@scenario("without a gateway doctor says so, who has its port, and that there is no TUN device")
def before_start(lab: Lab) -> None:
    host = lab.host("gw")
    program = lab.program("ipref-gw")
    socket = str(lab.path("gw/none.sock"))

    def examine(*before: str) -> dict[str, list[str]]:
        done = host.run(*before, program, "doctor", "-json", "-mapper-socket", socket, check=False)
        assert done.status == 2, done
        return findings(done, "FAIL")

    assert "gateway" in examine() and "port" not in examine()
    thief = lab.process("thief", host, ["python3", "-c", _TAKE_PORT, "1045"])
    thief.start()
    thief.wait_for("taken")
    [command] = examine()["port"]
    assert command == f"kill {thief.pid}", command
    host.run("sh", "-c", command)
    assert thief.wait() == -signal.SIGTERM
    assert "port" not in examine()
    other = lab.process("thief of names", host, ["python3", "-c", _TAKE_PORT, "53"])
    other.start()
    other.wait_for("taken")
    done = host.run(program, "doctor", "-json", "-mapper-socket", socket, check=False)
    assert findings(done, "WARN")["resolver"] == [
        f"kill {other.pid}", "systemctl restart ipref-coredns"], done
    other.stop()
    hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    assert "mknod /dev/net/tun c 10 200" in examine(*hidden)["tun"]
    text = host.run(program, "doctor", "-mapper-socket", socket, check=False).output
    assert "FAIL  gateway     no gateway runs" in text, text
    bad = host.run(program, "doctor", "-encode-net", "x", check=False)
    assert bad.status == 2 and "-encode-net" in bad.errors, bad
