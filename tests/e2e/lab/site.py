# SPDX-License-Identifier: GPL-2.0-or-later
"""A site: a local network with hosts, and a gateway with the suite's three programs on it."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface, ip_network

from lab import zone
from lab.internet import PUBLIC_DNS, PUBLIC_DNS_6, Internet
from lab.lab import Lab
from lab.namespace import Namespace, join
from lab.programs import Agent, Gateway, Resolver

ENCODE_4 = "10.240.0.0/12"
ENCODE_6 = "fd00:240::/64"
_NAT_INSIDE = "172.16.0.0/24"


@dataclass(frozen=True)
class Plan:
    """What a site looks like. Two sites may well have the same `lan`: that is the point."""

    name: str                       # "alpha"
    domain: str                     # "example.com"
    public: str                     # address and prefix towards the Internet
    lan: str = "192.168.1.0/24"     # gateway is host 1 of it, the site's hosts are 10, 11, ...
    encode: str = ENCODE_4          # the family of `lan`
    published: dict[str, str] = field(default_factory=dict)  # host name to ref
    nat: bool = False               # gateway behind a masquerading router
    options: tuple[str, ...] = ()   # more options for ipref-gw
    hosts_file: str = ""            # the gateway's
    records: tuple[str, ...] = ()   # more of its public zone
    ttl: int = 60                   # of what is published, in seconds
    mapper_protocol: str = "auto"   # of agent and resolver: "auto", "protobuf" or "v1"

    @property
    def context(self) -> str:
        """The address under which others reach the gateway."""
        return str(ip_interface(self.public).ip)

    def local(self, number: int) -> str:
        return str(ip_network(self.lan)[number])

    @property
    def ea_family(self) -> str:
        return str(ip_address(self.local(1)).version)

    @property
    def gw_family(self) -> str:
        return str(ip_interface(self.public).version)

    @property
    def dns_server(self) -> str:
        """The public DNS, over the family that this site's gateway has."""
        return f"[{PUBLIC_DNS_6}]:53" if self.gw_family == "6" else PUBLIC_DNS

    def zone_records(self) -> list[str]:
        """What the site publishes: its gateway's name and an AA record a host."""
        return [zone.address("gw", self.context),
                *(zone.published(name, f"gw.{self.domain}", ref, self.ttl)
                  for name, ref in self.published.items()),
                *self.records]


class Site:
    """Hosts "NAME-gw", "NAME-host", ... and with a NAT "NAME-nat". Nothing runs at first."""

    def __init__(self, lab: Lab, internet: Internet, plan: Plan) -> None:
        self.plan = plan
        self._lab = lab
        self.router = lab.host(f"{plan.name}-gw", forwarding=True)
        self.hosts: list[Namespace] = []
        self.addresses: list[str] = []
        self.internet_end = self._connect(internet)
        self._make_bridge()
        self.host = self.add_host("host")
        self.gateway = Gateway(lab, self.router, *self._gateway_options(), hosts=plan.hosts_file)
        self.resolver = Resolver(lab, self.router, plan.local(1), self._corefile())
        self.agent = Agent(lab, self.router, self.gateway.socket, self._sources(),
                           "-ea-ipver", plan.ea_family, "-gw-ipver", plan.gw_family,
                           *self._agent_protocol())

    def add_host(self, short: str) -> Namespace:
        """One more host on the local network; its route to the encode network is the gateway."""
        number = len(self.hosts)
        made = self._lab.host(f"{self.plan.name}-{short}")
        address = self.plan.local(10 + number)
        prefix = ip_network(self.plan.lan).prefixlen
        port = f"port{number}"
        join(made, "lan", self.router, port)
        self.router.ip(f"link set {port} master lan")
        made.ip(f"address add {address}/{prefix} dev lan",
                f"route add {self.plan.encode} via {self.plan.local(1)}")
        made.use_nameserver(self.plan.local(1))
        self.hosts.append(made)
        self.addresses.append(address)
        return made

    @property
    def address(self) -> str:
        """Of the first host."""
        return self.addresses[0]

    def start(self, agent: bool = True) -> None:
        self.gateway.start()
        self.resolver.start()
        if agent:
            self.agent.start()

    def _connect(self, internet: Internet) -> str:
        if not self.plan.nat:
            return internet.connect(self.router, self.plan.public)
        self.nat = self._lab.host(f"{self.plan.name}-nat", forwarding=True)
        end = internet.connect(self.nat, self.plan.public)
        _put_behind_nat(self.router, self.nat)
        return end

    def _make_bridge(self) -> None:
        address = f"{self.plan.local(1)}/{ip_network(self.plan.lan).prefixlen}"
        self.router.ip("link add lan type bridge", f"address add {address} dev lan",
                       "link set lan up")
        self.router.use_nameserver(self.plan.local(1))

    def _gateway_options(self) -> list[str]:
        plan = self.plan
        inside = str(ip_network(_NAT_INSIDE)[2])
        where = ["-gateway-bind", inside, "-gateway-pub", "0.0.0.0"] if plan.nat else [
            "-gateway", plan.context]
        encode = [] if plan.encode == ENCODE_4 else ["-encode-net", plan.encode]
        return [*where, *encode, *plan.options]

    def _agent_protocol(self) -> list[str]:
        protocol = self.plan.mapper_protocol
        return [] if protocol == "auto" else ["-mapper-protocol", protocol]

    def _sources(self) -> list[str]:
        if not self.plan.published:
            return []  # client mode
        return [f"internal:{self.plan.domain}:{self.plan.dns_server}"]

    def _corefile(self) -> str:
        plan = self.plan
        names = [zone.address(name, plan.local(10 + at)) for at, name in enumerate(plan.published)]
        internal = self._lab.file(f"{plan.name}-gw/db.internal", zone.text("internal", names))
        protocol = plan.mapper_protocol
        line = "" if protocol == "auto" else f"        mapper-protocol {protocol}\n"
        return f"""internal {{
    bind {plan.local(1)}
    file {internal}
    errors
    log
}}
. {{
    bind {plan.local(1)}
    ipref {{
        upstream {plan.dns_server}
        mapper {self._lab.path(f'{plan.name}-gw/mapper.sock')}
        ea-ipver {plan.ea_family}
        gw-ipver {plan.gw_family}
{line}    }}
    forward . {plan.dns_server}
    errors
    log
}}
"""


def _put_behind_nat(router: Namespace, nat: Namespace) -> None:
    """The NAT changes UDP source ports, as home routers do."""
    inside = ip_network(_NAT_INSIDE)
    join(router, "wan", nat, "inside")
    nat.ip(f"address add {inside[1]}/{inside.prefixlen} dev inside")
    router.ip(f"address add {inside[2]}/{inside.prefixlen} dev wan",
              f"route add default via {inside[1]}")
    masquerade = ("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "wan")
    nat.run(*masquerade, "-p", "udp", "-j", "MASQUERADE", "--to-ports", "40000-50000")
    nat.run(*masquerade, "-j", "MASQUERADE")


def forward_port(site: Site) -> None:
    """What the owner of a home router types in, to be reached from outside."""
    site.nat.run("iptables", "-w", "-t", "nat", "-A", "PREROUTING", "-i", "wan", "-p", "udp",
                 "--dport", "1045", "-j", "DNAT", "--to", str(ip_network(_NAT_INSIDE)[2]))
