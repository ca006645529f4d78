# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of one combination of families: each is taken for every way in turn, so that what the machine does otherwise
falls on all of them alike."""
import statistics
import sys

import measure

WAYS = ('routed', 'vxlan', 'ours')
UNITS = {'Gb/s': 2, 'kpps': 1, 'CPU s/GB': 2, 'ms': 3, '% lost': 3}  # decimals
TCP = (('TCP 1 stream', ()), ('TCP 1 stream back', ('-R',)),
       ('TCP 4 streams', ('-P', '4')), ('TCP 4 streams back', ('-P', '4', '-R')))
UDP = (('UDP 64 bytes, 1 flow', 64, 1), ('UDP 64 bytes, 8 flows', 64, 8), ('UDP 1400 bytes', 1400, 1))


def take(network, way, seconds):
    """Functions that give (what, unit, value), one after the other."""
    def tcp(name, options):
        rate, cost = measure.iperf(network, way, seconds, *options)
        yield name, 'Gb/s', rate
        yield name + ', cost', 'CPU s/GB', cost

    def udp(name, size, flows):
        yield name, 'kpps', measure.udp(network, way, seconds, size, flows)[0] / 1e3

    def round_trip():
        yield 'round trip', 'ms', measure.round_trip(network, way)

    return [lambda row=row: tcp(*row) for row in TCP] + [lambda row=row: udp(*row) for row in UDP] + [round_trip]


def measured(network, seconds, rounds):
    """{what: (unit, {way: [values]})}"""
    found = {}
    for number in range(rounds):
        for one_of_each in zip(*(take(network, way, seconds) for way in WAYS)):
            for way, figure in zip(WAYS, one_of_each):
                for what, unit, value in figure():
                    found.setdefault(what, (unit, {}))[1].setdefault(way, []).append(value)
        print('  round %d of %d' % (number + 1, rounds), file=sys.stderr, flush=True)
    return found


def add_loss(network, seconds, found):
    """What is lost at half the rate that our way carried."""
    for what, size, flows in UDP:
        rate = statistics.median(found[what][1]['ours']) * 1e3 / 2
        found['loss at half of ' + what] = ('% lost', {'ours': [measure.udp(network, 'ours', seconds, size, flows, rate)[1] * 100]})


def table(title, found):
    print('\n%s' % title)
    print('%-38s %-9s %9s %9s %9s %12s' % ('median', '', *WAYS, 'ours/vxlan'))
    for what, (unit, ways) in found.items():
        medians = {way: statistics.median(values) for way, values in ways.items()}
        cells = ['%9.*f' % (UNITS[unit], medians[way]) if way in medians else ' ' * 9 for way in WAYS]
        ratio = '%12.2f' % (medians['ours'] / medians['vxlan']) if medians.get('vxlan') else ''
        print('%-38s %-9s %s %s' % (what, unit, ' '.join(cells), ratio))
