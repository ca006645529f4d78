# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts that cannot succeed: one clear line, and the exit status that goes with it."""

from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Gateway, Resolver
from lab.scenario import scenario
from lab.shell import Done, run

_AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def fails(done: Done, status: int, *words: str) -> None:
    """It ended with `status`, and the one line it printed to standard error holds the words."""
    said = done.errors or done.output
    lines = [line for line in said.splitlines() if line.strip()]
    assert done.status == status, done
    assert len(lines) == 1, f"not one line:\n{done}"
    missing = [word for word in words if word not in lines[0]]
    assert not missing, f"says nothing of {missing}:\n{done}"


def in_host(lab: Lab) -> Namespace:
    """A host that has the address 203.0.113.10."""
    host = lab.host("gw")
    host.ip("link add wan type bridge", "address add 203.0.113.10/24 dev wan", "link set wan up")
    return host


class Starter:
    """Runs a program on a host until it ends, which it has to do soon."""

    def __init__(self, lab: Lab, host: Namespace, program: str, *standing: str) -> None:
        self._host = host
        self._command = (lab.program(program), *standing)

    def __call__(self, *options: str, before: tuple[str, ...] = ()) -> Done:
        return self._host.run(*before, *self._command, *options, check=False, timeout=15)


def gateway_starter(lab: Lab, host: Namespace) -> Starter:
    folder = lab.path("start/x").parent
    return Starter(lab, host, "ipref-gw", "-data", str(folder / "data"), "-mapper-socket",
                   str(folder / "mapper.sock"), "-hosts", str(lab.file("start/hosts", "")))


@scenario("ipref-gw names what keeps it from starting: port, address, rights, folder")
def gateway_start(lab: Lab) -> None:
    host = in_host(lab)
    start = gateway_starter(lab, host)
    first = Gateway(lab, host, "-gateway", "203.0.113.10")
    first.start()
    fails(start("-gateway", "203.0.113.10", "-encode-net", "10.224.0.0/12"), 1, "1045")
    first.process.stop()
    fails(start("-gateway", "203.0.113.77"), 1, "203.0.113.77")
    fails(start("-gateway", "203.0.113.10", "-mapper-socket", "/proc/nowhere/mapper.sock"), 1,
          "/proc/nowhere")
    fails(start("-gateway", "203.0.113.10", "-data", "/proc/nowhere"), 1, "/proc/nowhere")
    lab.path("start/x").parent.chmod(0o777)
    fails(start("-gateway", "203.0.113.10", before=_AS_NOBODY), 1, "start/data")
    nobodys = lab.path("start/nobodys/data")
    nobodys.parent.chmod(0o777)
    fails(start("-gateway", "203.0.113.10", "-data", str(nobodys), before=_AS_NOBODY), 1,
          "CAP_NET_ADMIN")


@scenario("ipref-gw names the option or the value that is wrong")
def gateway_options(lab: Lab) -> None:
    start = gateway_starter(lab, lab.host("gw"))
    fails(start(), 2, "-gateway")
    fails(start("-nonsense"), 2, "nonsense")
    for option, value in (("-gateway", "here"), ("-gateway", "224.0.0.1"),
                          ("-gateway-port", "70000"), ("-encode-net", "10.240.0.0/25"),
                          ("-gateway-ref", "12-zz"), ("-dec-ttl=perhaps", "")):
        words = (option, value) if value else (option,)
        fails(start(*words), 2, option.partition("=")[0], value)
    fails(start("-gateway-bind", "203.0.113.1", "-gateway-pub", "2001:db8::1"), 2, "-gateway-pub")


@scenario("ipref-dns-agent names the option or the source that is wrong")
def agent_options(lab: Lab) -> None:
    start = Starter(lab, lab.host("gw"), "ipref-dns-agent")
    fails(start("-nonsense"), 2, "nonsense")
    fails(start("-t", "0"), 2, "-t")
    fails(start("-m", "http://x"), 2, "-m")
    fails(start("internal:example.com"), 2, "internal:example.com")
    fails(start("internal:example.com:192.0.2.53:99999"), 2, "99999")


@scenario("ipref-coredns names file, line and word of a bad Corefile, and what else is in its way")
def resolver_start(lab: Lab) -> None:
    host = in_host(lab)
    start = Starter(lab, host, "ipref-coredns")
    bad = lab.file("bad/Corefile", ". {\n    whoami\n    ipreff x\n}\n")
    fails(start("-conf", str(bad)), 1, f"{bad}:3", "Unknown directive 'ipreff'")
    bare = lab.file("bare/Corefile", ". {\n    ipref {\n    }\n}\n")
    fails(start("-conf", str(bare)), 1, "plugin/ipref", f"{bare}:", "missing upstream")
    fails(start("-conf", "/proc/nowhere/Corefile"), 1, "/proc/nowhere/Corefile")
    good = lab.file("good/Corefile", ".:53 {\n    whoami\n}\n")
    fails(start("-conf", str(good), before=_AS_NOBODY), 1, "53")
    first = Resolver(lab, host, "203.0.113.10", good.read_text())
    first.start()
    fails(start("-conf", str(good)), 1, "53")
    fails(start("-conf", str(good), "word"), 1, "extra command line arguments")


@scenario("each program prints its version and its usage, and exits 0")
def help_and_version(lab: Lab) -> None:
    for program, option in (("ipref-gw", "-help"), ("ipref-gw", "-version"),
                            ("ipref-dns-agent", "-help"), ("ipref-dns-agent", "-version"),
                            ("ipref-coredns", "-version"), ("ipref-coredns", "-plugins")):
        done = run(lab.program(program), option)
        assert done.output.strip(), done


@scenario("ipref-gw -check shows what it would use, changes nothing, and refuses a bad hosts file")
def check(lab: Lab) -> None:
    host = in_host(lab)
    start = gateway_starter(lab, host)
    folder = lab.path("start/x").parent
    done = start("-gateway", "203.0.113.10", "-check")
    assert done.ok and "203.0.113.10" in done.output and "10.240.0.0/12" in done.output, done
    assert sorted(file.name for file in folder.iterdir()) == ["hosts"], "something was made"
    hosts = folder / "hosts"
    hosts.write_text("# comment\n192.168.1.10 web #= pub +\n")
    done = start("-gateway", "203.0.113.10", "-check")
    assert done.status == 2 and f"{hosts}:2" in done.output + done.errors, done
