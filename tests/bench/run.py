#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end benchmarks in network namespaces: plain routing, the kernel's VXLAN and ours on the same cables, in one run, in
turn, several times. Prints medians and ratios as a table, and everything as JSON with --json FILE. Needs root."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure  # noqa: E402
from network import Network  # noqa: E402

WAYS = ('routed', 'vxlan', 'ours')
UNITS = {'Gb/s': 3, 'kpps': 1, 'CPU s/GB': 3, 'ms': 3, '% lost': 2}


def figures(network, way, seconds):
    """(what, unit, value) of one way in one round."""
    for name, options in (('TCP 1 stream', []), ('TCP 1 stream back', ['-R']), ('TCP 4 streams', ['-P', '4']),
                          ('TCP 4 streams back', ['-P', '4', '-R'])):
        rate, cost = measure.iperf(network, way, seconds, *options)
        yield name, 'Gb/s', rate
        if name == 'TCP 1 stream':
            yield name + ', cost', 'CPU s/GB', cost
    for name, size, flows in (('UDP 64 bytes, 1 flow', 64, 1), ('UDP 64 bytes, 8 flows', 64, 8), ('UDP 1400 bytes', 1400, 1)):
        yield name, 'kpps', measure.udp(network, way, seconds, size, flows)[0] / 1e3
    yield 'round trip', 'ms', measure.round_trip(network, way)


def measured(network, seconds, rounds):
    """{what: (unit, {way: [values]})}"""
    found = {}
    for number in range(rounds):
        for way in WAYS:
            for what, unit, value in figures(network, way, seconds):
                found.setdefault(what, (unit, {}))[1].setdefault(way, []).append(value)
            print('  round %d of %d, %s' % (number + 1, rounds, way), file=sys.stderr, flush=True)
    return found


def loss_at_half(network, seconds, found):
    """What is lost at half the rate that our way carried, once a size."""
    for what, size in (('UDP 64 bytes, 1 flow', 64), ('UDP 1400 bytes', 1400)):
        rate = statistics.median(found[what][1]['ours']) * 1e3 / 2
        lost = measure.udp(network, 'ours', seconds, size, 1, rate)[1]
        found['loss at half of ' + what] = ('% lost', {'ours': [lost * 100]})


def table(title, found):
    print('\n%s' % title)
    print('%-36s %-9s %9s %9s %9s %12s' % ('median', '', *WAYS, 'ours/vxlan'))
    for what, (unit, ways) in found.items():
        medians = {way: statistics.median(values) for way, values in ways.items()}
        cells = ['%9.*f' % (UNITS[unit], medians[way]) if way in medians else ' ' * 9 for way in WAYS]
        ratio = '%12.2f' % (medians['ours'] / medians['vxlan']) if medians.get('vxlan') else ''
        print('%-36s %-9s %s %s' % (what, unit, ' '.join(cells), ratio))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--bin', default='build/bin')
    ap.add_argument('--rounds', type=int, default=5)
    ap.add_argument('--seconds', type=int, default=3, help='of each run')
    ap.add_argument('--combination', action='append', help='inner/outer family, 4/4 4/6 6/4 6/6; default: all')
    ap.add_argument('--json')
    a = ap.parse_args()
    if os.geteuid() != 0:
        sys.exit('bench: needs root, to make network namespaces')
    results = {}
    for combination in a.combination or ['4/4', '6/6', '4/6', '6/4']:
        inner, outer = (int(f) for f in combination.split('/'))
        work = tempfile.mkdtemp(prefix='ipref-bench-')
        try:
            with Network(os.path.abspath(a.bin), inner, outer, work) as network:
                found = measured(network, a.seconds, a.rounds)
                loss_at_half(network, 10, found)
        finally:
            shutil.rmtree(work)
        table('IPv%d hosts, IPv%d between the gateways' % (inner, outer), found)
        results[combination] = {what: dict(unit=unit, **ways) for what, (unit, ways) in found.items()}
    if a.json:
        with open(a.json, 'w', encoding='utf-8') as f:
            json.dump({'schema': 'ipref.bench/1', 'seconds': a.seconds, 'results': results}, f, indent=1)


if __name__ == '__main__':
    main()
