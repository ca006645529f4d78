# SPDX-License-Identifier: GPL-2.0-or-later
"""The Internet of the lab: one router, and a public DNS server that serves everybody's zone."""

from ipaddress import ip_interface

from lab import zone
from lab.lab import Lab
from lab.namespace import Namespace, join
from lab.programs import Resolver

PUBLIC_DNS = "192.0.2.53"
PUBLIC_DNS_6 = "2001:db8:53::53"


class Internet:
    """Addresses of the documentation ranges; the router is .1 (::1) of every network."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._cables = 0
        self._zones: dict[str, str] = {}
        self.router = lab.host("internet", forwarding=True)
        self.dns_host = lab.host("public-dns")
        self.connect(self.dns_host, f"{PUBLIC_DNS}/24", f"{PUBLIC_DNS_6}/64")
        self.dns: Resolver | None = None

    def connect(self, host: Namespace, *addresses: str) -> str:
        """Gives `host` an uplink, "wan"; returns the router's end of it."""
        end = f"to{self._cables}"
        self._cables += 1
        join(host, "wan", self.router, end)
        for address in map(ip_interface, addresses):
            near = next(address.network.hosts())
            self.router.ip(f"address add {near}/{address.network.prefixlen} dev {end}")
            host.ip(f"address add {address} dev wan", f"route add default via {near}")
        return end

    def publish(self, domain: str, records: list[str], transfer: str = "to *") -> str:
        """Puts a zone into the public DNS (from its next start); returns its file.
        `transfer`: who may copy it, in the words of the plugin; empty for nobody."""
        file = self._lab.file(f"public-dns/db.{domain}", zone.text(domain, records))
        allowed = f"    transfer {{\n        {transfer}\n    }}\n" if transfer else ""
        self._zones[domain] = f"{domain} {{\n    file {file}\n{allowed}    errors\n    log\n}}\n"
        return str(file)

    def start_dns(self) -> Resolver:
        self.dns = Resolver(self._lab, self.dns_host, PUBLIC_DNS, "\n".join(self._zones.values()))
        self.dns.start()
        return self.dns
