# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demo does, act by act."""

from ipaddress import ip_address, ip_network

from lab.clients import serve_iperf, serve_pages, wait_ping
from lab.internet import PUBLIC_DNS, Internet
from lab.lab import Lab
from lab.process import Process
from lab.site import Plan, Site
from lab.waiting import TooLate, until
from show.sites import ALPHA, BETA, DELTA, GAMMA, PICTURE
from show.story import Story


class Demo:
    def __init__(self, lab: Lab, story: Story) -> None:
        self._lab = lab
        self._story = story
        self._internet = Internet(lab)
        self.alpha, self.beta, self.gamma, self.delta = (
            Site(lab, self._internet, plan) for plan in (ALPHA, BETA, GAMMA, DELTA))

    def play(self) -> None:
        self._introduce()
        self._publish()
        self._start_site(self.alpha)
        self._watch_agent(self.alpha)
        self._start_others()
        self._same_addresses()
        self._families()
        self._behind_nat()
        self._throughput()

    def _introduce(self) -> None:
        story = self._story
        story.chapter("Four sites and an Internet between them")
        story.tell("""Everything below is a network namespace of this machine: its own interfaces,
            routes and resolv.conf. The left column are ordinary hosts that know nothing of IPREF.
            Their networks overlap, one speaks only IPv6, one sits behind a NAT. No port is
            forwarded anywhere, and no route leads from one site to another.""")
        story.show(PICTURE)
        story.tell("""alpha-host, beta-host and delta-host even have the same address. So there is
            nothing that alpha-host could call beta-host by, until beta gives it a reference:
            gateway + reference is a name that holds worldwide.""")

    def _publish(self) -> None:
        story = self._story
        story.chapter("Each site publishes its web server in public DNS")
        story.tell("""An AA record is a TXT string: the gateway's name or address, and the host's
            reference. Any DNS server can carry it; this one is ipref-coredns with the plugins file
            and transfer.""")
        for site in (self.alpha, self.beta, self.gamma):
            plan = site.plan
            self._internet.publish(plan.domain, plan.zone_records())
            story.show(f"{plan.domain}:\n  " + "\n  ".join(plan.zone_records()))
        self._internet.start_dns()
        name = f"web.{ALPHA.domain}"
        done = story.run(self.alpha.router, "dig", "+short", "TXT", name, f"@{PUBLIC_DNS}")
        story.check("AA record in public DNS", "AA gw.example.com + 1025" in done.output,
                    done.output.strip())

    def _start_site(self, site: Site) -> None:
        story = self._story
        story.chapter(f"Site {site.plan.name} starts its gateway, its DNS and its agent")
        story.tell("""All three run on the gateway. ipref-gw makes the tunnel and keeps the
            mappings; ipref-coredns is the DNS server of the local network; ipref-dns-agent copies
            the public zone and tells ipref-gw which reference means which local host.""")
        for process, start in ((site.gateway.process, site.gateway.start),
                               (site.resolver.process, site.resolver.start),
                               (site.agent.process, site.agent.start)):
            story.command(site.router, *self._typed(process))
            start()
        story.tell("The Corefile of its DNS server:")
        story.show(self._shorten(site.resolver.corefile.read_text()))

    def _watch_agent(self, site: Site) -> None:
        story = self._story
        story.tell("The agent transfers the zone at once. Its log:")
        said = until(lambda: _lines_about(site.agent.process.log(), site.plan.domain),
                     "the agent logs something about its source")
        story.output("\n".join(said))

    def _start_others(self) -> None:
        story = self._story
        story.chapter("The other sites do the same")
        for site in (self.beta, self.gamma, self.delta):
            site.start()
            story.command(site.router, *self._typed(site.gateway.process))
        story.tell("""delta publishes nothing and does not know its public address: 0.0.0.0 means
            "whatever the other side sees". gamma's encoded addresses are IPv6.""")

    def _same_addresses(self) -> None:
        story = self._story
        story.chapter("Two hosts with the same address talk to each other")
        story.tell("""alpha-host and beta-host are both 192.168.1.10. Each asks its own DNS server
            for the other's name and gets an encoded address that stands for the remote host; the
            packets go to the gateway, through the tunnel, and out at the other side.""")
        self._visit(self.beta, self.alpha)
        self._visit(self.alpha, self.beta)

    def _families(self) -> None:
        story = self._story
        story.chapter("IPv4 and IPv6 hosts talk to each other")
        story.tell("gamma has no IPv4 inside. alpha has no IPv6. Neither has to care.")
        self._visit(self.alpha, self.gamma)
        self._visit(self.gamma, self.alpha)

    def _behind_nat(self) -> None:
        story = self._story
        story.chapter("From behind a NAT, without a forwarded port")
        self._visit(self.delta, self.alpha)

    def _throughput(self) -> None:
        story = self._story
        story.chapter("A look at the speed")
        serve_iperf(self._lab, self.beta.host)
        done = story.run(self.alpha.host, "iperf3", "-c", f"web.{BETA.domain}", "-t", "2",
                         "-f", "m")
        rates = [line for line in done.output.splitlines() if "receiver" in line]
        rate = " ".join(rates[0].split()[6:8]) if rates else "no result"
        story.check("iperf3 alpha to beta", done.ok and bool(rates), rate)

    def _visit(self, client: Site, server: Site) -> None:
        """dig, ping and curl, from one site's host to the other's web server."""
        story, name = self._story, f"web.{server.plan.domain}"
        ways = f"{client.plan.name} to {server.plan.name}"
        self._serve(server)
        kind = "AAAA" if client.plan.ea_family == "6" else "A"
        try:
            wait_ping(client.host, name, seconds=15)
        except TooLate:
            pass  # the commands below show what is wrong
        address = story.run(client.host, "dig", "+short", name, kind).output.strip()
        story.check(f"dig, {ways}", _inside(address, client.plan), address or "no address")
        pong = story.run(client.host, "ping", "-c", "2", "-i", "0.2", name)
        story.check(f"ping, {ways}", pong.ok, _round_trip(pong.output))
        page = story.run(client.host, "curl", "-sS", "--max-time", "10", f"http://{name}/")
        story.check(f"curl, {ways}", page.output == _page(server), page.output.strip())

    def _serve(self, site: Site) -> None:
        """A web server, at the first visit."""
        titles = [process.title for process in self._lab.processes]
        if f"{site.host.title} web server" not in titles:
            serve_pages(self._lab, site.host, {"index.html": _page(site)},
                        ipv6=site.plan.ea_family == "6")

    def _typed(self, process: Process) -> list[str]:
        """The command line without this run's folders in front of every file."""
        program, *rest = process.command
        return [program.rpartition("/")[2], *map(self._shorten, rest)]

    def _shorten(self, text: str) -> str:
        return text.replace(f"{self._lab.folder}/", "")


def _page(site: Site) -> str:
    return f"Hello from {site.host.title}, {site.address}, at {site.plan.name}.\n"


def _inside(address: str, plan: Plan) -> bool:
    try:
        return ip_address(address) in ip_network(plan.encode)
    except ValueError:
        return False


def _round_trip(output: str) -> str:
    """The average of ping's summary, "rtt min/avg/max/mdev = 0.3/0.4/0.5/0.1 ms"."""
    _, found, numbers = output.partition("mdev = ")
    return f"{numbers.split('/')[1]} ms" if found else "no reply"


def _lines_about(log: str, word: str) -> list[str]:
    return [line for line in log.splitlines() if word in line]
