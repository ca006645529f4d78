# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts, units and dashboards of CoreDNS's users see of the server: flags, what it prints,
signals and exit statuses, log lines, pages over HTTP, names of metrics."""

import re
import signal
import subprocess
from pathlib import Path

from lab.clients import curl, dig
from lab.lab import Lab
from lab.namespace import Namespace
from lab.process import Process
from lab.programs import Resolver
from lab.scenario import scenario
from lab.waiting import until

_AT = "127.0.0.1"


def corefile(keys: str, *lines: str) -> str:
    return "\n".join([f"{keys} {{", f"    bind {_AT}", *(f"    {line}" for line in lines), "}", ""])


def answers(where: Namespace, name: str = "x.test", port: int = 53) -> bool:
    return dig(where, name, "A", f"@{_AT}", "-p", str(port)).status == "NOERROR"


class Server:
    """ipref-coredns by its flags, in a folder of its own; the scenario judges how it ends."""

    def __init__(self, lab: Lab, where: Namespace, *options: str, text: str | None = None,
                 stdin: str = "") -> None:
        self.where = where
        self.folder = lab.path("server/x").parent
        if text is not None:
            (self.folder / "Corefile").write_text(text)
        command = " ".join([lab.program("ipref-coredns"), *options])
        given = f" < {lab.file('stdin', stdin)}" if stdin else ""
        self.process: Process = lab.process("server", where, [
            "sh", "-c", f"cd {self.folder} && exec {command}{given}"])
        self.process.start()

    def wait_answers(self, port: int = 53) -> None:
        until(lambda: self.process.running and answers(self.where, port=port), "it answers")


@scenario("the start is told as CoreDNS tells it: a line for each zone, then the versions")
def start(lab: Lab) -> None:
    where = lab.host("dns")
    text = corefile("example.org .:5301", "whoami") + corefile(".", "whoami")
    server = Server(lab, where, text=text)
    server.wait_answers()
    lines = [line for line in server.process.log().splitlines() if not line.startswith("[")]
    assert lines[:3] == [f".:53 on {_AT}", f".:5301 on {_AT}", f"example.org.:53 on {_AT}"], lines
    assert "CoreDNS-1.12.1" in lines[3], lines
    assert re.fullmatch(r"linux/\w+, C\+\+20, .+", lines[4]), lines
    assert server.process.stop() == 0

    quiet = Server(lab, where, "-quiet")
    quiet.wait_answers()
    assert "example.org" not in quiet.process.log() and "CoreDNS" not in quiet.process.log()
    assert quiet.process.stop() == 0


@scenario("flags in any of Go's spellings; the Corefile from a file, from stdin, or of this folder")
def flags(lab: Lab) -> None:
    where = lab.host("dns")
    here = corefile(".", "whoami")
    pidfile = lab.path("server/pid")
    for options, stdin in ((("-dns.port", "5400", "-pidfile", str(pidfile)), ""),
                           (("--dns.port=5400",), ""), (("-p", "5400"), ""), (("--p=5400",), ""),
                           (("-conf", "stdin", "-p=5400"), corefile(".", "acl {", "block", "}", "whoami")),
                           (("-conf=./Corefile", "-p=5400", "--quiet=false"), "")):
        server = Server(lab, where, *options, text=here, stdin=stdin)
        if stdin:
            until(lambda: dig(where, "x.test", "A", f"@{_AT}", "-p", "5400").status == "REFUSED",
                  "the one from stdin is in force")
        else:
            server.wait_answers(5400)
        if "-pidfile" in options:
            assert int(pidfile.read_text()) == server.process.pid
        assert server.process.stop() == 0, options
    (Path(server.folder) / "Corefile").unlink()
    bare = Server(lab, where, "-p", "5400")  # the built-in one: whoami and log
    bare.wait_answers(5400)
    bare.process.wait_for("[INFO] 127.0.0.1:")
    assert "\n.:5400\n" in bare.process.log(), bare.process.log()
    assert bare.process.stop() == 0


@scenario("-validate binds nothing and says where it is wrong, -explain which plugins a query meets")
def dry(lab: Lab) -> None:
    where = lab.host("dns")
    resolver = Resolver(lab, where, _AT, corefile(".", "errors", "whoami"))
    resolver.start()
    program, good = lab.program("ipref-coredns"), str(resolver.corefile)
    done = where.run(program, "-conf", good, "-validate")  # though the port is taken
    assert f".:53 on {_AT}" in done.output, done
    bad = str(lab.file("bad", ". {\n    cache {\n        sucess 1\n    }\n}\n"))
    done = where.run(program, "-conf", bad, "-validate", check=False)
    assert done.status == 2 and f"{bad}:3:9" in done.errors and "'success'" in done.errors, done
    done = where.run(program, "-conf", good, "-explain", "www.example.org", "AAAA")
    assert "1. errors\n  2. whoami" in done.output, done
    assert where.run(program, "-conf", bad, "-explain", "a", "A", check=False).status == 2
    named = where.run(program, "-plugins").output
    for name in ("forward", "cache", "ipref", "kubernetes"):
        assert f"dns.{name}" in named, named


@scenario("signals: TERM, INT and QUIT end it with 0, a second INT with 2; HUP and USR2 do not")
def signals(lab: Lab) -> None:
    where = lab.host("dns")
    text = corefile(".", "whoami", "health 127.0.0.1:8080 {", "lameduck 1h", "}")
    for number, status in ((signal.SIGQUIT, 0), (signal.SIGINT, 2)):
        server = Server(lab, where, text=text)
        server.wait_answers()
        for ignored in (signal.SIGHUP, signal.SIGUSR2):
            server.process.signal(ignored)
        server.process.wait_for("SIGUSR2")
        assert answers(where)
        if number == signal.SIGINT:
            server.process.signal(signal.SIGINT)
            server.process.wait_for("lameduck mode for 1h")
            assert answers(where), "no answer in lameduck mode"
        server.process.signal(number)
        assert server.process.wait() == status, number
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server(lab, where, text=corefile(".", "whoami"))
        server.wait_answers()
        server.process.signal(number)
        assert server.process.wait() == 0, number
        assert "[INFO] " + number.name in server.process.log(), server.process.log()


_LOG = "".join([
    corefile("plain.test", "log", "whoami"),
    corefile("combined.test", "log . {combined}", "whoami"),
    corefile("own.test", 'log a.own.test "{remote} {type} {name} {rcode} {>id}"', "whoami"),
    corefile("class.test", "log {", "class denial error", "}",
             "template IN A nx.class.test {", "rcode NXDOMAIN",
             'authority "class.test. 60 IN SOA a. b. 1 1 1 1 1"', "}", "whoami"),
    corefile("stdout.test", "log stdout", "whoami"),
    corefile("err.test", "errors {", "stacktrace", "}", "template IN MX {", 'match "^never"', "}"),
    corefile("many.test", "errors {", 'consolidate 100ms ".* no next plugin found$" warning',
             'consolidate 1h "."', "}", "template IN MX {", 'match "^never"', "}"),
])


@scenario("lines of plugins log and errors are CoreDNS's, for the names and classes they are to be for")
def log_lines(lab: Lab) -> None:
    where = lab.host("dns")
    process = Resolver(lab, where, _AT, corefile(".", "whoami") + _LOG)
    process.start()

    def ask(name: str, kind: str = "A") -> None:
        dig(where, name, kind, f"@{_AT}", "+nocookie", "+bufsize=1232")

    for name in ("a.plain.test", "a.combined.test", "a.own.test", "b.own.test", "nx.class.test",
                 "a.class.test", "a.stdout.test", "a.err.test", *["a.many.test"] * 3):
        ask(name)
    log = process.process.log
    common = r'\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN NAME\. udp \d+ false 1232" '
    done = r'NOERROR qr,aa,rd \d+ \d+(\.\d+)?(e-\d+)?s'
    for expected in (
            common.replace("NAME", r"a\.plain\.test") + done,
            common.replace("NAME", r"a\.combined\.test") + done + ' "0"',
            r"\[INFO\] 127\.0\.0\.1 A a\.own\.test\. NOERROR \d+",
            common.replace("NAME", r"nx\.class\.test") + r"NXDOMAIN qr,aa,rd \d+ .*s",
            r"\[ERROR\] plugin/errors: 2 a\.err\.test\. A: plugin/template: no next plugin found",
            r"\[WARNING\] plugin/errors: \d errors like '\.\* no next plugin found\$' occurred in "
            r"last 100ms"):
        until(lambda: re.search(f"^{expected}$", log(), re.M), f"a line {expected}")
    for name in ("b.own.test", "a.class.test", "a.stdout.test", "a.many.test"):
        assert f" {name}." not in log(), f"a line of {name}:\n{log()}"
    until(lambda: sum(map(int, re.findall(r"(\d+) errors like", log()))) == 3, "all are counted")


_NAMES = """build_info panics_total plugin_enabled
dns_requests_total dns_request_duration_seconds dns_request_size_bytes dns_do_requests_total
dns_response_size_bytes dns_responses_total
cache_entries cache_hits_total cache_misses_total cache_requests_total cache_prefetch_total
cache_drops_total cache_served_stale_total cache_evictions_total
forward_healthcheck_broken_total forward_max_concurrent_rejects_total
proxy_request_duration_seconds proxy_healthcheck_failures_total proxy_conn_cache_hits_total
proxy_conn_cache_misses_total hosts_entries hosts_reload_timestamp_seconds reload_failed_total
reload_version_info health_request_duration_seconds health_request_failures_total
acl_blocked_requests_total acl_filtered_requests_total acl_allowed_requests_total
acl_dropped_requests_total template_matches_total template_template_failures_total
template_rr_failures_total local_localhost_requests_total dns64_requests_translated_total
ipref_request_duration_seconds ipref_response_rcode_count_total""".split()


@scenario("pages stand where CoreDNS has them; the metrics of the plugins have CoreDNS's names")
def pages(lab: Lab) -> None:
    where = lab.host("dns")
    zone = lab.path("db.example.org")
    Resolver(lab, where, _AT, corefile(".:5301", "whoami") + corefile(
        ".", "prometheus", "health", "ready", "reload", "local", "dns64 {", "allow_ipv4", "}",
        "cache", "acl {", "block type SRV", "filter type PTR", "drop type NS", "}",
        "template IN MX fails.test {", 'answer "{{ index .Match 9 }}"', "}",
        "template IN MX bad.test {", 'answer "{{ .Name }} 60 IN MX nonsense"', "}",
        "hosts /dev/null {", "192.0.2.1 a.test", "fallthrough", "}", f"file {zone} example.org",
        "ipref ipref.test {", "upstream 127.0.0.9", "}", "forward . 127.0.0.1:5301")).start()

    def page(at: str) -> tuple[str, str]:
        """Status and body."""
        done = curl(where, f"http://{at}", "-w", "\\n%{http_code}")
        body, _, status = done.output.rpartition("\n")
        return status, body.strip()

    assert page("127.0.0.1:8080/health") == ("200", "OK")
    assert page("127.0.0.1:8181/ready") == ("503", "file")
    zone.write_text("@ 60 SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    until(lambda: page("127.0.0.1:8181/ready") == ("200", "OK"), "all plugins are ready")
    for name, kind in (("a.test", "AAAA"), ("b.test", "A"), ("b.test", "SRV"), ("b.test", "PTR"),
                       ("b.test", "NS"), ("a.fails.test", "MX"), ("a.bad.test", "MX"),
                       ("localhost.b.test", "A"), ("a.ipref.test", "A")):
        dig(where, name, kind, f"@{_AT}")
    assert dig(where, "b.test", "A", f"@{_AT}", "+tcp").status == "NOERROR"

    def missing() -> list[str]:
        text = page("localhost:9153/metrics")[1]
        return [name for name in _NAMES
                if not re.search(rf"^# TYPE coredns_{name} (counter|gauge|histogram)$", text, re.M)]
    assert not missing(), missing()
    text = page("localhost:9153/metrics")[1]
    labels = f'server="dns://{_AT}:53",zone=".",view="",proto="udp",family="1",type="MX"'
    assert f"coredns_dns_requests_total{{{labels}}} 2\n" in text, text


@scenario("log lines as JSON are one object a line")
def json_lines(lab: Lab) -> None:
    where = lab.host("dns")
    server = Server(lab, where, "-log-format", "json", "-quiet", text=corefile(".", "log", "whoami"))
    server.wait_answers()
    server.process.wait_for("x.test")
    program = "import json,sys\nfor line in sys.stdin: json.loads(line)['level']"
    subprocess.run(["python3", "-c", program], input=server.process.log(), text=True, check=True)
    assert server.process.stop() == 0
