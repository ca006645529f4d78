# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS over TLS and over HTTPS, asked by other people's clients: kdig and curl."""

import base64
from pathlib import Path

from lab.lab import Lab
from lab.namespace import Namespace
from lab.programs import Resolver
from lab.scenario import scenario
from lab.shell import Done, run
from lab.waiting import until

_NAME = "www.test.example"
_ZONE = """$ORIGIN test.example.
@    3600 SOA ns hostmaster 1 7200 3600 1209600 300
@    3600 NS ns
ns   3600 A 192.0.2.1
www    60 A 192.0.2.80
"""
# A query for _NAME, type A, id 0.
_QUERY = (b"\0\0\1\0\0\1\0\0\0\0\0\0" + b"\3www\4test\7example\0" + b"\0\1\0\1")


def issue(lab: Lab, name: str) -> None:
    """A certificate for `name` from the authority, which is made at first use."""
    ca, key = lab.path("pki/ca.pem"), lab.path("pki/ca.key")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    if not ca.exists():
        run("openssl", "req", "-x509", *new_key, "-keyout", str(key), "-out", str(ca),
            "-days", "2", "-subj", "/CN=Test authority")
    request, made = lab.path("pki/request.pem"), lab.path("pki/made.pem")
    names = lab.file("pki/names", f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
    made_key = lab.path("pki/made.key")
    run("openssl", "req", *new_key, "-keyout", str(made_key), "-out", str(request),
        "-subj", f"/CN={name}")
    run("openssl", "x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(key),
        "-CAcreateserial", "-days", "2", "-extfile", str(names), "-out", str(made))
    made_key.rename(lab.path("pki/server.key"))
    made.rename(lab.path("pki/server.pem"))


def encrypted(lab: Lab) -> tuple[Namespace, Path]:
    """A server of one zone with DNS, DoT and DoH; the host, and the authority's certificate."""
    host = lab.host("resolver")
    issue(lab, "dns.example")
    zone = lab.file("db.test.example", _ZONE)
    folder = lab.path("pki/x").parent
    Resolver(lab, host, "127.0.0.1", f""". tls://. https://. {{
    root {folder}
    bind 127.0.0.1
    tls server.pem server.key
    file {zone} test.example
}}
""").start()
    return host, folder / "ca.pem"


def kdig(host: Namespace, ca: Path, *options: str, server: str = "dns.example") -> Done:
    return host.run("kdig", "@127.0.0.1", f"+tls-ca={ca}", f"+tls-hostname={server}", "+time=5",
                    "+retry=0", *options, _NAME, "A", check=False)


def curl(host: Namespace, ca: Path, *options: str, path: str = "/dns-query") -> Done:
    return host.run("curl", "-sS", "--cacert", str(ca), "--resolve", "dns.example:443:127.0.0.1",
                    "-D", "-", *options, f"https://dns.example{path}", check=False)


@scenario("kdig asks over TLS and over HTTPS, and refuses another server's name")
def with_kdig(lab: Lab) -> None:
    host, ca = encrypted(lab)
    for way in ("+tls", "+https", "+https-get"):
        answer = kdig(host, ca, way)
        assert "192.0.2.80" in answer.output and "NOERROR" in answer.output, answer
    padded = kdig(host, ca, "+tls", "+padding=128")
    assert "PADDING" in padded.output, padded
    wrong = kdig(host, ca, "+tls", server="other.example")
    assert "192.0.2.80" not in wrong.output, wrong


@scenario("curl gets answers over HTTP/2 and HTTP/1.1, and a clear word where there is none")
def with_curl(lab: Lab) -> None:
    host, ca = encrypted(lab)
    body = lab.path("query")
    body.write_bytes(_QUERY)
    saved = lab.path("answer")
    dns = ("-H", "Content-Type: application/dns-message", "--data-binary", f"@{body}")
    get = f"/dns-query?dns={base64.urlsafe_b64encode(_QUERY).decode().rstrip('=')}"
    for version, line in (("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200")):
        for options, path in ((dns, "/dns-query"), ((), get)):
            done = curl(host, ca, version, "-o", str(saved), *options, path=path)
            head = done.output.lower()
            assert line.lower() in head, done
            assert "content-type: application/dns-message" in head, done
            assert "cache-control: max-age=60" in head, done
            assert bytes([192, 0, 2, 80]) in saved.read_bytes(), done
    assert "HTTP/2 404" in curl(host, ca, "--http2", path="/").output
    assert "HTTP/2 405" in curl(host, ca, "--http2", "-X", "PUT", *dns).output
    assert "HTTP/2 400" in curl(host, ca, "--http2", path="/dns-query?dns=!").output
    assert "HTTP/2 415" in curl(host, ca, "--http2", "--data-binary", "x").output
    body.write_bytes(bytes(70_000))
    assert "HTTP/2 413" in curl(host, ca, "--http2", *dns).output
    large = curl(host, ca, "--http2", path=f"/dns-query?dns={'A' * 20_000}")
    assert "HTTP/2 431" in large.output, large


@scenario("a new certificate is used without a restart, a bad one is not")
def new_certificate(lab: Lab) -> None:
    host, ca = encrypted(lab)
    resolver = lab.processes[-1]

    def serves(name: str) -> bool:
        return "192.0.2.80" in kdig(host, ca, "+tls", server=name).output
    assert serves("dns.example")
    issue(lab, "new.example")
    until(lambda: serves("new.example"), "the new certificate is served")
    lab.file("pki/server.pem", "no certificate\n")
    resolver.wait_for("holds no certificate")
    assert serves("new.example")


@scenario("forward asks over HTTPS and TLS, by a host name that a resolver knows")
def forwarded(lab: Lab) -> None:
    host, ca = encrypted(lab)
    names = lab.file("db.example", "$ORIGIN example.\n@ 60 SOA ns h 1 7200 3600 1209600 60\n"
                     "@ 60 NS ns\nns 60 A 127.0.0.1\ndns 60 A 127.0.0.1\n")
    Resolver(lab, host, "127.0.0.2", f"""example {{
    bind 127.0.0.2
    file {names}
}}
""").start()
    for number, to in ((3, "https://dns.example/dns-query"), (4, "tls://dns.example"),
                       (5, "https://127.0.0.1%dns.example"), (6, "dns.example")):
        Resolver(lab, host, f"127.0.0.{number}", f""". {{
    bind 127.0.0.{number}
    forward . {to} {{
        resolver 127.0.0.2
        tls {ca}
    }}
}}
""").start()
        answer = host.run("dig", f"@127.0.0.{number}", "+tries=1", "+time=5", "+short", _NAME)
        assert answer.output.strip() == "192.0.2.80", (to, answer)
