#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The DNS server beside those that people know, on one machine, in turn, several times: dnsperf's queries a second and
microseconds of processor time a query, medians, ratios, and which targets are met; everything as JSON with --json FILE. All in
a network namespace of its own, on loopback, load generator on the same processors. Needs root."""
import contextlib
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns_ipref  # noqa: E402
import dns_load  # noqa: E402
import dns_servers as servers  # noqa: E402
import targets  # noqa: E402

PARTS = ('zone', 'cached', 'uncached', 'logged', 'ipref', 'large')
SOA = '$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n'
READY = ('ready.test', 'ready.zone')


class Run:
    """What all parts share: the namespace, the numbers, the targets."""

    def __init__(self, bench, seconds, rounds):
        self.bench, self.seconds, self.rounds = bench, seconds, rounds
        self.figures, self.targets = dns_load.Figures(), []

    def in_turn(self, what, queries, contenders, **more):
        """`contenders`: servers that have been started."""
        for number in range(self.rounds):
            for server in contenders:
                dns_load.measure(self.bench, self.figures, what, server, queries, self.seconds, **more)
            print('  %s: round %d of %d' % (what, number + 1, self.rounds), file=sys.stderr, flush=True)

    def target(self, what, value, limit, most=False):
        self.targets.append((what, value, '%s %g' % ('<=' if most else '>=', limit), value <= limit if most else value >= limit))

    def ratio(self, what, peer, limit, most=False):
        ratio = self.figures.median(what, 'ours') / self.figures.median(what, peer)
        self.target('%s: ours / %s' % (what, peer), ratio, limit, most)


def queries(run, name, names):
    return run.bench.file(name, ''.join('%s A\n' % n for n in names))


def zone_queries(run):
    chosen = random.Random(1)
    return queries(run, 'zone-queries', ('h%d.bench.test' % chosen.randrange(10_000) for _ in range(100_000)))


def zones(run):
    """[(name, file)] that every server with authority has."""
    hosts = ''.join('h%d A 10.%d.%d.%d\n' % (i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(10_000))
    return [('bench.test', run.bench.file('bench.zone', SOA + hosts)), ('ready.test', run.bench.file(READY[1], SOA))]


def zone_body(zone_list):
    return ['file %s %s' % (file, name) for name, file in zone_list]


def zone_part(run):
    what, bench, mine = 'zone of 10,000 names', run.bench, zones(run)
    with servers.ours(bench, '127.0.1.1', zone_body(mine)) as ours, servers.nsd(bench, '127.0.1.2', mine) as nsd, \
            servers.knot(bench, '127.0.1.3', mine) as knot:
        run.in_turn(what, zone_queries(run), (ours, nsd, knot))
        late = dns_load.percentile(bench, ours.address, zone_queries(run), 5000, run.seconds, 0.99)
    run.ratio(what, 'nsd', 0.75)
    run.ratio(what + ', cost', 'nsd', 1.4, most=True)
    run.target('zone: p99 at 5,000 queries/s, ms', late, 2, most=True)


def wildcard(bench):
    """An upstream that knows every name under any.test, none of which may be kept."""
    any_zone = bench.file('any.zone', SOA + '* 0 A 192.0.2.1\n')
    kept = bench.file('kept.zone', SOA + '* 3600 A 192.0.2.1\n')
    ready = bench.file(READY[1], SOA)
    return servers.nsd(bench, '127.0.2.1', [('any.test', any_zone), ('kept.test', kept), ('ready.test', ready)], title='upstream')


def cached_part(run):
    what, bench = 'forward, cached', run.bench
    chosen = random.Random(2)
    names = queries(run, 'kept-queries', ('h%d.kept.test' % chosen.randrange(1000) for _ in range(100_000)))
    with wildcard(bench) as upstream, servers.ours(bench, '127.0.2.2', ['forward . ' + upstream.address, 'cache']) as ours, \
            servers.unbound(bench, '127.0.2.3', upstream.address) as unbound, \
            servers.dnsmasq(bench, '127.0.2.4', upstream.address, 10_000) as dnsmasq:
        contenders = (ours, unbound, dnsmasq)
        for one in contenders:
            dns_load.dnsperf(bench, one.address, names, 1)  # fills the cache
        run.in_turn(what, names, contenders)
    run.ratio(what, 'unbound', 0.85)


def uncached_part(run):
    what, bench = 'forward, uncached', run.bench
    names = queries(run, 'any-queries', ('n%d.any.test' % i for i in range(1_000_000)))
    with wildcard(bench) as upstream, servers.ours(bench, '127.0.3.2', ['forward . ' + upstream.address]) as ours, \
            servers.unbound(bench, '127.0.3.3', upstream.address) as unbound, \
            servers.dnsmasq(bench, '127.0.3.4', upstream.address, 0) as dnsmasq:
        run.in_turn(what, names, (ours, unbound, dnsmasq), outstanding=100)
    run.ratio(what, 'dnsmasq', 1.2)


def logged_part(run):
    what, bench, mine = 'zone, with errors, log, prometheus', run.bench, zones(run)
    watched = ['errors', 'log', 'prometheus 127.0.1.5:9153']
    with servers.ours(bench, '127.0.1.4', zone_body(mine), title='without') as without, \
            servers.ours(bench, '127.0.1.5', watched + zone_body(mine), title='with') as logged:
        run.in_turn(what, zone_queries(run), (without, logged))
    kept = run.figures.median(what, 'with') / run.figures.median(what, 'without')
    run.target('errors, log to a file and prometheus: share kept', kept, 0.75)


def ipref_part(run):
    dns_ipref.measure(run)


def large_part(run):
    """100,000 records in one zone, and a server with nothing in its cache."""
    bench = run.bench
    records = ''.join('h%d A 10.%d.%d.%d\n' % (i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(100_000))
    large = bench.file('large.zone', SOA + records)
    body = ['file %s large.test' % large, 'file %s ready.test' % bench.file(READY[1], SOA), 'transfer {', '    to *', '}']
    for _ in range(run.rounds):
        corefile = bench.file('Corefile-large', '. {\n file %s large.test\n}\n' % large)
        started = time.monotonic()
        bench.run(os.path.join(bench.bin, 'ipref-coredns'), '-validate', '-conf', corefile)
        run.figures.add('zone of 100,000 records, loaded', 's', 'ours', time.monotonic() - started)
        with servers.ours(bench, '127.0.5.1', body) as ours:
            count, _, seconds = servers.axfr(bench, ours.address, 'large.test')
            if count < 100_000:
                raise RuntimeError('a transfer of %d records' % count)
            run.figures.add('AXFR of it', 's', 'ours', seconds)
    with servers.ours(bench, '127.0.5.2', ['forward . 127.0.5.9', 'cache', 'file %s ready.test' % bench.file(READY[1], SOA)]) as ours:
        run.target('memory with an empty cache, MB', ours.resident() / 1e6, 30, most=True)
    run.target('zone of 100,000 records loaded, s', run.figures.median('zone of 100,000 records, loaded', 'ours'), 1, most=True)
    run.target('AXFR of 100,000 records, s', run.figures.median('AXFR of it', 'ours'), 1, most=True)


def main():
    a = targets.parsed(targets.command_line(__doc__, PARTS, 'one round of one second: to see that it works'), PARTS)
    with contextlib.ExitStack() as stack:
        bench = stack.enter_context(servers.Bench(a.bin))
        run = Run(bench, 1 if a.quick else a.seconds, 1 if a.quick else a.rounds)
        for part in a.part or PARTS:
            globals()[part + '_part'](run)
    print('%d processors, %d rounds of %d s, medians' % (os.cpu_count(), run.rounds, run.seconds))
    run.figures.print()
    targets.show(run.targets)
    if a.json:
        targets.write_json(a.json, run.seconds, run.figures.as_json(), run.targets)


if __name__ == '__main__':
    targets.run(main)
