#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end benchmarks in network namespaces: plain routing, the kernel's VXLAN and ours on the same cables, in one run, in
turn, several times; and what the gateways do under load. Prints medians, ratios and which targets are met, and everything as
JSON with --json FILE. Needs root."""
import argparse
import json
import os
import signal
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import figures  # noqa: E402
import load  # noqa: E402
import mapper  # noqa: E402
from network import Network  # noqa: E402

COMBINATIONS = ('4/4', '6/6', '4/6', '6/4')
PARTS = ('ways', 'million', 'new', 'attack', 'mapper')


def median(found, what, way):
    return statistics.median(found[what][1][way])


def judged(combination, found):
    """[(what, value, limit, whether it is met)]"""
    out = []

    def at_least(what, limit):
        ratio = median(found, what, 'ours') / median(found, what, 'vxlan')
        out.append(('%s %s, to VXLAN' % (combination, what), ratio, '>= %.2f' % limit, ratio >= limit))

    at_least('TCP 1 stream', 0.65 if combination == '4/4' else 0.55)
    at_least('TCP 4 streams', 0.65 if combination == '4/4' else 0.55)
    if combination == '4/4':
        for what, _, _ in figures.UDP:
            at_least(what, 0.6 if '1400' in what else 0.55)
            lost = median(found, 'loss at half of ' + what, 'ours')
            out.append(('4/4 %% lost at half of %s' % what, lost, '0', lost <= 0))
        routed, vxlan, ours = (median(found, 'round trip', way) for way in figures.WAYS)
        most = 1.5 * (vxlan - routed) + 0.03
        out.append(('4/4 round trip added, ms', ours - routed, '<= %.3f' % most, ours - routed <= most))
    return out


def interrupted(*_):
    raise KeyboardInterrupt  # networks are taken down on the way out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('part', nargs='*', help='of %s; default: all' % ', '.join(PARTS))
    ap.add_argument('--bin', default='build/bin')
    ap.add_argument('--rounds', type=int, default=5)
    ap.add_argument('--seconds', type=int, default=3, help='of each run')
    ap.add_argument('--combination', action='append', choices=COMBINATIONS, help='hosts/between the gateways; default: all')
    ap.add_argument('--quick', action='store_true', help='one round, one combination, a short attack: to see that it works')
    ap.add_argument('--json', metavar='FILE')
    a = ap.parse_args()
    if unknown := set(a.part) - set(PARTS):
        ap.error('no such part: %s' % ', '.join(unknown))
    if os.geteuid() != 0:
        sys.exit('bench: needs root, to make network namespaces')
    parts = a.part or PARTS
    rounds, bin_dir = 1 if a.quick else a.rounds, os.path.abspath(a.bin)
    results, targets = {}, []
    for combination in a.combination or (COMBINATIONS[:1] if a.quick else COMBINATIONS) if 'ways' in parts else ():
        with Network(bin_dir, *(int(family) for family in combination.split('/'))) as network:
            found = figures.measured(network, a.seconds, rounds)
            if combination == '4/4':
                figures.add_loss(network, 2 if a.quick else 10, found)
        figures.table('IPv%s hosts, IPv%s between the gateways' % tuple(combination.split('/')), found)
        results[combination] = {what: dict(unit=unit, **ways) for what, (unit, ways) in found.items()}
        targets += judged(combination, found)
    print()
    if 'million' in parts:
        targets += load.million(bin_dir, a.seconds, rounds)
    if 'new' in parts:
        targets += load.new_mappings(bin_dir, 5)
    if 'attack' in parts:
        targets += load.attack(bin_dir, 1000 if a.quick else 10_000)
    if 'mapper' in parts:
        targets += mapper.measured(bin_dir, rounds)
    print('\n%-60s %9s  %-12s' % ('target', 'measured', 'wanted'))
    for what, value, limit, met in targets:
        print('%-60s %9.2f  %-12s %s' % (what, value, limit, 'met' if met else 'NOT MET'))
    if a.json:
        rows = [dict(what=what, value=value, wanted=limit, met=bool(met)) for what, value, limit, met in targets]
        with open(a.json, 'w', encoding='utf-8') as f:
            json.dump({'schema': 'ipref.bench/1', 'seconds': a.seconds, 'results': results, 'targets': rows}, f, indent=1)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, interrupted)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
