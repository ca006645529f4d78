# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed questions and signed zones, judged by other people's programs: dig, kdig, delv."""

from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Resolver
from lab.scenario import scenario
from lab.shell import Done, run
from lab.waiting import until

_SECRET = "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGhlIGxhYiE="
_KEY = f"hmac-sha256:lab.example:{_SECRET}"
_WRONG = "hmac-sha256:lab.example:dGhpcyBpcyBhbm90aGVyIHNlY3JldCBmb3IgaXQ="
_ZONE = """$ORIGIN test.example.
@    3600 SOA ns hostmaster 1 7200 3600 1209600 300
@    3600 NS ns
ns   3600 A 192.0.2.1
www    60 A 192.0.2.80
""" + "".join(f"host{i} 60 TXT \"{'x' * 200}\"\n" for i in range(400))


def keyed(lab: Lab) -> Namespace:
    """A server that gives its zone to those who sign, and signs what it answers them."""
    host = lab.host("resolver")
    zone = lab.file("db.test.example", _ZONE)
    keys = lab.file("keys", f'key "lab.example" {{ algorithm hmac-sha256; secret "{_SECRET}"; }};')
    Resolver(lab, host, "127.0.0.1", f"""test.example {{
    bind 127.0.0.1
    tsig {{
        secrets {keys}
        require AXFR
    }}
    file {zone}
    transfer {{
        to *
    }}
}}
""").start()
    return host


def dig(host: Namespace, *options: str) -> Done:
    server = () if any(option.startswith("@") for option in options) else ("@127.0.0.1",)
    return host.run("dig", *server, "+tries=1", "+time=5", "+norecurse", *options, check=False)


@scenario("dig and kdig sign what they ask, and take the signed answers for true")
def signed_questions(lab: Lab) -> None:
    host = keyed(lab)
    for transport in ("+notcp", "+tcp"):
        good = dig(host, "-y", _KEY, transport, "www.test.example")
        assert "192.0.2.80" in good.output and "NOERROR" in good.output, good
        assert "TSIG" in good.output and "WARNING" not in good.output, good
        other = host.run("kdig", "@127.0.0.1", "-y", _KEY, transport, "www.test.example")
        assert "192.0.2.80" in other.output and "WARNING" not in other.output, other
        wrong = dig(host, "-y", _WRONG, transport, "www.test.example")
        assert "BADSIG" in wrong.output and "192.0.2.80" not in wrong.output, wrong


@scenario("a zone goes to those who sign, each message of it signed, and to nobody else")
def signed_transfer(lab: Lab) -> None:
    host = keyed(lab)
    whole = dig(host, "-y", _KEY, "AXFR", "test.example")
    assert "host399.test.example" in whole.output, whole
    assert "failed" not in whole.output and "WARNING" not in whole.output, whole
    refused = dig(host, "AXFR", "test.example")
    assert "Transfer failed" in refused.output and "host0" not in refused.output, refused
    wrong = dig(host, "-y", _WRONG, "AXFR", "test.example")
    assert "host0" not in wrong.output, wrong


@scenario("secondary signs its questions, takes what is signed, and refuses a wrong secret")
def signed_secondary(lab: Lab) -> None:
    host = keyed(lab)
    for number, secret in ((2, _SECRET), (3, _WRONG.split(":")[2])):
        file = lab.file(f"secret{number}", secret + "\n")
        file.chmod(0o600)
        Resolver(lab, host, f"127.0.0.{number}", f"""test.example {{
    bind 127.0.0.{number}
    secondary {{
        transfer from 127.0.0.1
        tsig lab.example:hmac-sha256:{file}
    }}
}}
""").start()

    def answer(number: int) -> str:
        return host.run("dig", f"@127.0.0.{number}", "+tries=1", "+time=5", "+short",
                        "www.test.example", check=False).output.strip()

    until(lambda: answer(2) == "192.0.2.80", "the zone is transferred with a signature")
    assert answer(3) == "", answer(3)
    lab.file("db.test.example", _ZONE.replace(" 1 7200", " 2 7200").replace(".80", ".81"))

    def follows() -> bool:
        dig(host, "@127.0.0.2", "-b", "127.0.0.1", "+opcode=NOTIFY", "SOA", "test.example")
        return answer(2) == "192.0.2.81"

    until(follows, "a NOTIFY makes it ask for the serial, with a signature, and take what is new")


@scenario("delv believes what plugin dnssec signs, and what it denies")
def signed_online(lab: Lab) -> None:
    host = lab.host("resolver")
    zone = lab.file("db.test.example", _ZONE)
    base = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K",
               str(zone.parent), "test.example").output.split()[-1]
    key = (zone.parent / f"{base}.key").read_text().split("DNSKEY", 1)[1].split()
    public = " ".join(key[:3]) + f' "{"".join(key[3:])}"'
    anchor = lab.file("anchor", f"trust-anchors {{ test.example static-key {public}; }};\n")
    Resolver(lab, host, "127.0.0.1", f"""test.example {{
    bind 127.0.0.1
    dnssec {{
        key file {zone.parent / base}
    }}
    file {zone}
}}
""").start()
    for name, kind, says in (("www", "A", "; fully validated"),
                             ("host7", "TXT", "; fully validated"),
                             ("www", "AAAA", "; negative response, fully validated"),
                             ("nothing", "A", "; negative response, fully validated")):
        found = host.run("delv", "@127.0.0.1", "-a", str(anchor), "+root=test.example",
                         f"{name}.test.example", kind, check=False)
        assert says in found.output, found
