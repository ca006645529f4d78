# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolver in daily life: upstream gone, answers too long for UDP, a new Corefile."""

import os
import signal
import socket
import struct
from dataclasses import replace

from lab import zone
from lab.clients import curl, dig, wait_encoded
from lab.lab import Lab
from lab.programs import Resolver
from lab.scenario import scenario
from lab.waiting import until
from lab.worlds import BETA, two_sites

_NAME = "web.example.org"


@scenario("while the public DNS is down the resolver says so, and recovers with it")
def public_dns_down(lab: Lab) -> None:
    internet, alpha, _ = two_sites(lab)
    address = wait_encoded(alpha.host, _NAME)
    internet.dns.process.kill()
    for name in ("new.example.org", "gw.example.org"):
        answer = dig(alpha.host, name)
        assert answer.status == "SERVFAIL" and "EDE:" in answer.done.output, answer.done
    assert dig(alpha.host, "web.internal").data("A") == [alpha.address]
    internet.dns.start()
    assert wait_encoded(alpha.host, _NAME) == address, "the mapping has changed"


@scenario("a name that is denied is asked for once a worker, whatever is asked of it, and anew after a "
          "reload")
def denied_names(lab: Lab) -> None:
    internet, alpha, _ = two_sites(lab)
    name, workers = "late.example.org", os.cpu_count() or 1
    for _ in range(3 * workers):
        for kind in ("A", "AAAA"):
            assert dig(alpha.host, name, kind).status == "NXDOMAIN"
    look_ups = internet.dns.process.log().count(f'"TXT IN {name}. ')
    assert 1 <= look_ups <= workers, look_ups

    record = zone.published("late", "198.51.100.20", "3000")
    internet.publish("example.org", [record])
    internet.dns.restart_after_kill()
    alpha.resolver.process.signal(signal.SIGUSR1)
    wait_encoded(alpha.host, name)


@scenario("a name with more AA records than fit into UDP is answered whole, over TCP")
def many_records(lab: Lab) -> None:
    refs = range(3000, 3100)
    records = tuple(zone.published("many", "198.51.100.20", str(ref)) for ref in refs)
    _, alpha, _ = two_sites(lab, beta=replace(BETA, records=records))
    answer = dig(alpha.host, "many.example.org")
    assert "retrying in TCP mode" in answer.done.output, answer.done
    assert len(set(answer.data("A"))) == len(refs), answer.done


@scenario("SIGUSR1 brings a new Corefile into force, and a bad one leaves the old one running")
def reload(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab)
    process, corefile = alpha.resolver.process, alpha.resolver.corefile
    good = corefile.read_text()
    corefile.write_text(good + "other {\n    nonsense\n}\n")
    process.signal(signal.SIGUSR1)
    process.wait_for("Unknown directive 'nonsense'")
    wait_encoded(alpha.host, _NAME)
    corefile.write_text(good[good.index("\n. {"):])  # without the zone "internal"
    process.signal(signal.SIGUSR1)
    until(lambda: not dig(alpha.host, "web.internal").data("A"), "the old zone is gone")
    wait_encoded(alpha.host, _NAME)


@scenario("plugin reload takes a changed import by itself; what cannot be loaded leaves answers, "
          "health and metrics as they were")
def reload_by_itself(lab: Lab) -> None:
    _, alpha, _ = two_sites(lab)
    resolver = alpha.resolver
    where, process, corefile = resolver.where, resolver.process, resolver.corefile
    more = corefile.with_name("more.conf")

    def version() -> list[str]:
        return dig(where, "version.bind", "TXT", "CH", f"@{resolver.address}").data("TXT")

    def pages() -> str:
        return (curl(where, "http://localhost:8080/health").output +
                curl(where, "http://localhost:9153/metrics").output)

    more.write_text("chaos one\n")
    corefile.write_text(corefile.read_text() + f"""
bind:53 {{
    bind {resolver.address}
    import more.conf
    prometheus localhost:9153
    health localhost:8080
    reload 2s 1s
}}
""")
    process.signal(signal.SIGUSR1)
    until(lambda: version() == ['"one"'], "SIGUSR1 brings the new block")
    more.write_text("chaos two\n")
    until(lambda: version() == ['"two"'], "a changed import is taken")
    more.write_text("nonsense\n")
    process.wait_for("Unknown directive 'nonsense'")
    more.write_text("chaos three\nready 192.0.2.99:8181\n")
    process.wait_for("no interface has this address")
    assert version() == ['"two"'], "the old configuration is gone"
    found = pages()
    assert found.startswith("OK"), found
    assert "coredns_reload_failed_total 2\n" in found, found
    assert 'coredns_dns_requests_total{server="dns://' in found, found
    more.write_text("chaos three\n")
    until(lambda: version() == ['"three"'], "what was mended is taken")
    assert "ipref_reload_last_successful 1\n" in pages()


@scenario("queries are answered while a reload waits for a name server that says nothing")
def reload_waits(lab: Lab) -> None:
    where = lab.host("dns")
    names = where.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 5399))
    names.settimeout(15)
    block = ".:53 {\n    bind 127.0.0.1\n    multisocket 1\n    chaos VERSION\n}\n"
    resolver = Resolver(lab, where, "127.0.0.1", block.replace("VERSION", "old"))
    resolver.start()
    resolver.corefile.write_text(block.replace(
        "VERSION", "new\n    forward test ns.example {\n        resolver 127.0.0.1:5399\n    }"))

    def version() -> list[str]:
        return dig(where, "version.bind", "TXT", "CH", "@127.0.0.1").data("TXT")

    def addressed(query: bytes) -> bytes:
        """With an address for A, none for AAAA."""
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 3] == 1
        head = query[:2] + struct.pack("!5H", 0x8180, 1, is_a, 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.1")
        return head + query[12:end] + (record if is_a else b"")

    def count(text: str) -> int:
        return resolver.process.log().count(text)

    # A look-up may end before dig has, on a machine with much else to do: then once more.
    for tries in range(1, 21):
        resolver.process.signal(signal.SIGUSR1)
        asked = [names.recvfrom(512) for _ in range(2)]  # A and AAAA: the reload waits
        assert version() == ['"old"'], "no answer during the reload"
        for query, source in asked:
            names.sendto(addressed(query), source)
        until(lambda: count("Reload failed") == tries or count("Reloading complete"), "it ends")
        if count("Reloading complete"):
            break
    assert version() == ['"new"'], "the reload has waited for no answer"


@scenario("with stop_rebind no name of a public server leads into the private network, but those that "
          "are named do")
def rebinding(lab: Lab) -> None:
    where = lab.host("dns")
    public = "192.0.2.53"
    where.run("ip", "address", "add", f"{public}/32", "dev", "lo")
    file = lab.file("db.example", zone.text("example", [
        zone.address("ns", public), zone.address("web", "198.51.100.1"),
        zone.address("web", "192.168.1.1"), zone.address("evil", "10.0.0.1"),
        zone.address("nas.home", "192.168.1.5")]))
    Resolver(lab, where, public, f"example {{\n    bind {public}\n    file {file}\n}}\n").start()
    ours = Resolver(lab, where, "127.0.0.1", f""". {{
    bind 127.0.0.1
    forward . {public} {{
        stop_rebind home.example
    }}
    prometheus 127.0.0.1:9153
}}
""")
    ours.start()

    def found(name: str) -> list[str]:
        return dig(where, f"{name}.example", "A", "@127.0.0.1").data("A")

    assert found("web") == ["198.51.100.1"]
    assert found("evil") == []
    assert found("nas.home") == ["192.168.1.5"]
    ours.process.wait_for(f"{public}:53 gives evil.example. an address of a private network")
    text = curl(where, "http://127.0.0.1:9153/metrics").output
    assert 'coredns_forward_dropped_records_total{reason="private_address"} 2' in text, text
