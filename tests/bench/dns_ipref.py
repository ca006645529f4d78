# SPDX-License-Identifier: GPL-2.0-or-later
"""Plugin ipref with a gateway behind it: names whose mappings are known, and names that need new ones."""
import os
import sys

import dns_load
import dns_servers as servers

KNOWN = 10_000
NEW = 1_000_000  # names at most that the measuring takes; mappings are made once
SOA = '$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n'


def aa(number):
    """The data of an AA record (TXT): one reference a name."""
    return 'TXT "AA 192.0.2.7 + %x-%04x"' % (1 + (number >> 16), number & 0xffff)


def measure(run):
    bench = run.bench
    known = bench.file('known.zone', SOA + ''.join('h%d %s\n' % (i, aa(i)) for i in range(KNOWN)) + sixty())
    new_names = min(NEW, 30_000 * run.rounds * run.seconds)
    new = bench.file('new.zone', SOA + ''.join('n%d %s\n' % (i, aa(1_000_000 + i)) for i in range(new_names)))
    zones = [('known.test', known), ('new.test', new), ('ready.test', bench.file('ready.zone', SOA))]
    socket = bench.path('mapper.sock')
    os.makedirs(bench.path('data'), exist_ok=True)
    hosts = bench.file('hosts', '')
    gateway = servers.Server(bench, 'gateway', '127.0.4.9', os.path.join(bench.bin, 'ipref-gw'), '-devmode', '-gateway', '192.0.2.1',
                             '-data', bench.path('data'), '-hosts', hosts, '-mapper-socket', socket,
                             ready=lambda: os.path.exists(socket))
    body = ['ipref known.test new.test {', '    upstream 127.0.4.1', '    mapper ' + socket, '}', 'file %s ready.test' % zones[2][1]]
    with servers.nsd(bench, '127.0.4.1', zones, title='upstream') as upstream, gateway, servers.ours(bench, '127.0.4.2', body) as ours:
        if len(set(servers.lab_answers(bench, ours.address, 'sixty.known.test'))) != 60:
            raise RuntimeError('60 AA records in one name: not 60 addresses')
        known_part(run, ours, gateway, upstream)
        new_part(run, ours, gateway, new_names)


def sixty():
    return ''.join('sixty %s\n' % aa(500_000 + i) for i in range(60))


def known_part(run, ours, gateway, upstream):
    """NSD answers the same names beside it (that there are no addresses), so that a slow hour of the machine can be told."""
    what = 'ipref, mapping known'
    names = run.bench.file('known-queries', ''.join('h%d.known.test A\n' % i for i in range(KNOWN)))
    dns_load.dnsperf(run.bench, ours.address, names, 10, '-n', '1', outstanding=50)
    for number in range(run.rounds):
        dns_load.measure(run.bench, run.figures, what, ours, names, run.seconds, also=(gateway,))
        dns_load.measure(run.bench, run.figures, what, upstream, names, run.seconds)
        print('  %s: round %d of %d' % (what, number + 1, run.rounds), file=sys.stderr, flush=True)
    late = dns_load.percentile(run.bench, ours.address, names, 5000, run.seconds, 0.99)
    run.target('ipref, mapping known: queries/s', run.figures.median(what, 'ours'), 150_000)
    run.target('ipref, mapping known: us of both programs a query', run.figures.median(what + ', cost', 'ours'), 8, most=True)
    run.ratio(what, 'upstream', 0.51)
    run.target('ipref: p99 at 5,000 queries/s, ms', late, 2, most=True)


def new_part(run, ours, gateway, count):
    """Each round has names of its own, and ends with them or with its time."""
    what, share = 'ipref, new mapping', count // run.rounds
    for number in range(run.rounds):
        first = number * share
        names = run.bench.file('new-queries', ''.join('n%d.new.test A\n' % i for i in range(first, first + share)))
        dns_load.measure(run.bench, run.figures, what, ours, names, run.seconds, also=(gateway,), options=('-n', '1'))
    run.target('ipref, new mapping, durable: queries/s', run.figures.median(what, 'ours'), 20_000)
