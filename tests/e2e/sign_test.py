# SPDX-License-Identifier: GPL-2.0-or-later
"""Plugin sign with the whole server, in its sandbox; BIND's dnssec-verify judges the zone."""

import signal

from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Resolver
from lab.scenario import scenario
from lab.shell import run
from lab.waiting import until

_ZONE = """$ORIGIN test.example.
@    3600 SOA ns hostmaster {serial} 7200 3600 1209600 300
@    3600 NS ns
ns   3600 A 192.0.2.1
www    60 A 192.0.2.80
long   60 TXT "with \\"quotes\\"" "and ; more"
*.wild 60 MX 10 www
deep.under.nothing 60 AAAA 2001:db8::1
sub  3600 NS ns.sub
ns.sub 60 A 192.0.2.9
safe 3600 NS ns.sub
safe 3600 DS 1 13 2 {digest}
old    60 DNAME new
odd    60 TYPE65280 \\# 3 010203
service 60 SVCB 1 www alpn=h2
{more}"""


@scenario("sign writes a zone that dnssec-verify finds complete, serves it, and signs what changes")
def signed_zone_file(lab: Lab) -> None:
    host = lab.host("resolver")
    text = dict(digest="00" * 32, more="")
    zone = lab.file("db.test.example", _ZONE.format(serial=1, **text))
    for algorithm in ("ECDSAP256SHA256", "ED25519", "RSASHA256"):
        run("dnssec-keygen", "-q", "-a", algorithm, "-f", "KSK", "-K", str(zone.parent),
            "test.example")
    Resolver(lab, host, "127.0.0.1", f"""test.example {{
    bind 127.0.0.1
    root {zone.parent}
    file db.test.example.signed
    sign db.test.example {{
        key directory .
        directory .
    }}
}}
""").start()

    def dig(name: str, kind: str) -> str:
        return asked(host, name, kind)

    def verify() -> None:
        found = run("dnssec-verify", "-z", "-o", "test.example",
                    str(zone.parent / "db.test.example.signed"))
        assert "Zone fully signed" in found.output, found

    until(lambda: "192.0.2.80" in dig("www", "A"), "the signed zone is served")
    answer = dig("www", "A")
    signatures = [line for line in answer.splitlines() if line.startswith("A ")]
    assert len(signatures) == 3, answer
    verify()
    zone.write_text(_ZONE.format(serial=1, digest="00" * 32, more="new 60 A 192.0.2.81\n"))
    until(lambda: "192.0.2.81" in dig("new", "A"), "the changed zone is signed and served")
    verify()


def asked(host: Namespace, name: str, kind: str) -> str:
    return host.run("dig", "@127.0.0.1", "+tries=1", "+time=5", "+short", "+dnssec",
                    f"{name}.test.example", kind, check=False).output


@scenario("sign that a reload brings writes to the service manager's directory, and nowhere else")
def after_a_reload(lab: Lab) -> None:
    host = lab.host("resolver")
    state = lab.path("state/x").parent
    zone = lab.file("db.test.example", _ZONE.format(serial=1, digest="00" * 32, more=""))
    run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", str(zone.parent),
        "test.example")
    server = Resolver(lab, host, "127.0.0.1", ". {\n    bind 127.0.0.1\n    whoami\n}\n")
    server.process.command = ["env", f"STATE_DIRECTORY={state}", *server.process.command]
    server.start()

    def sign_to(directory: str) -> None:
        server.corefile.write_text(f"""test.example {{
    bind 127.0.0.1
    root {zone.parent}
    file {directory}/db.test.example.signed
    sign db.test.example {{
        key directory .
        directory {directory}
    }}
}}
""")
        server.process.signal(signal.SIGUSR1)

    sign_to(".")
    server.process.wait_for("zone test.example. was not signed: ")
    said = server.process.log()
    assert "Permission denied; the server's user must be able to write there" in said, said
    sign_to(str(state))
    until(lambda: "192.0.2.80" in asked(host, "www", "A"), "the signed zone is served")
