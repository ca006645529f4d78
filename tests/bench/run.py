#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""End-to-end benchmarks in network namespaces: plain routing, the kernel's VXLAN and ours on the same cables, in one run, in
turn, several times; and what the gateways do under load. Prints medians, ratios and which targets are met, and everything as
JSON with --json FILE. Needs root."""
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import figures  # noqa: E402
import load  # noqa: E402
import mapper  # noqa: E402
import targets  # noqa: E402
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


def main():
    ap = targets.command_line(__doc__, PARTS, 'one round, one combination, a short attack: to see that it works')
    ap.add_argument('--combination', action='append', choices=COMBINATIONS, help='hosts/between the gateways; default: all')
    a = targets.parsed(ap, PARTS)
    parts = a.part or PARTS
    rounds, bin_dir = 1 if a.quick else a.rounds, os.path.abspath(a.bin)
    results, judgements = {}, []
    for combination in a.combination or (COMBINATIONS[:1] if a.quick else COMBINATIONS) if 'ways' in parts else ():
        with Network(bin_dir, *(int(family) for family in combination.split('/'))) as network:
            found = figures.measured(network, a.seconds, rounds)
            if combination == '4/4':
                figures.add_loss(network, 2 if a.quick else 10, found)
        figures.table('IPv%s hosts, IPv%s between the gateways' % tuple(combination.split('/')), found)
        results[combination] = {what: dict(unit=unit, **ways) for what, (unit, ways) in found.items()}
        judgements += judged(combination, found)
    print()
    if 'million' in parts:
        judgements += load.million(bin_dir, a.seconds, rounds)
    if 'new' in parts:
        judgements += load.new_mappings(bin_dir, 5)
    if 'attack' in parts:
        judgements += load.attack(bin_dir, 1000 if a.quick else 10_000)
    if 'mapper' in parts:
        judgements += mapper.measured(bin_dir, rounds)
    targets.show(judgements)
    if a.json:
        targets.write_json(a.json, a.seconds, results, judgements)


if __name__ == '__main__':
    targets.run(main)
