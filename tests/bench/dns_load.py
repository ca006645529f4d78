# SPDX-License-Identifier: GPL-2.0-or-later
"""dnsperf runs against servers in turn, and the figures of each."""
import re
import statistics
import sys

CLIENTS = 16  # sockets: enough that the kernel spreads them over a server's threads


class Figures:
    """{what: {server: [values]}} with a unit each."""

    def __init__(self):
        self.rows = {}

    def add(self, what, unit, server, value):
        self.rows.setdefault(what, (unit, {}))[1].setdefault(server, []).append(value)

    def median(self, what, server):
        return statistics.median(self.rows[what][1][server])

    def as_json(self):
        return {what: dict(unit=unit, **servers) for what, (unit, servers) in self.rows.items()}

    def print(self):
        for what, (unit, servers) in self.rows.items():
            cells = ', '.join('%s %s' % (title, text(unit, statistics.median(values))) for title, values in servers.items())
            print('%-34s %-13s %s' % (what, unit, cells))


def text(unit, value):
    return '%.0f' % value if unit == 'queries/s' else '%.2f' % value


def dnsperf(bench, address, queries, seconds, *options, outstanding=200, clients=CLIENTS):
    """(completed, lost, queries/s, output). One sending thread (dnsperf receives in another): with more of them than
    processors what is measured is how they take each other's place."""
    out = bench.run('dnsperf', '-s', address, '-d', queries, '-l', str(seconds), '-c', str(clients), '-T', '1',
                    '-q', str(outstanding), *options, timeout=seconds + 30).stdout
    found = {name: float(value) for name, value in re.findall(r'(Queries \w+(?: \w+)?):\s+([\d.]+)', out)}
    return found['Queries completed'], found['Queries lost'], found['Queries per second'], out


def rcodes(output):
    """{rcode: count} of a run."""
    line = re.search(r'Response codes:\s+(.*)', output)
    return {name: int(count) for name, count in re.findall(r'(\w+) (\d+)', line.group(1))} if line else {}


def check(title, what, output, completed, lost, wanted):
    """A server that is fast because it refuses is no server."""
    good = rcodes(output).get(wanted, 0)
    if good < 0.99 * completed or lost > 0.01 * completed:
        raise RuntimeError('%s, %s: %d of %d answers were %s, %d queries were lost' % (what, title, good, completed, wanted, lost))


def measure(bench, figures, what, server, queries, seconds, also=(), wanted='NOERROR', options=(), **more):
    """One run: queries/s, and microseconds of processor time a query of the server and those in `also`."""
    all_of_them = (server, *also)
    before = sum(one.cpu() for one in all_of_them)
    completed, lost, rate, output = dnsperf(bench, server.address, queries, seconds, *options, **more)
    spent = sum(one.cpu() for one in all_of_them) - before
    check(server.title, what, output, completed, lost, wanted)
    figures.add(what, 'queries/s', server.title, rate)
    figures.add(what + ', cost', 'us CPU/query', server.title, spent / completed * 1e6)


def percentile(bench, address, queries, rate, seconds, share):
    """Milliseconds within which `share` of the answers came, at so many queries a second."""
    out = dnsperf(bench, address, queries, seconds, '-Q', str(rate), '-v')[3]
    times = sorted(float(t) for t in re.findall(r'^> \S+ \S+ \S+ ([\d.]+)$', out, re.M))
    if len(times) < 0.99 * rate * seconds:
        raise RuntimeError('%d latencies of %d queries' % (len(times), rate * seconds))
    return times[int(len(times) * share)] * 1e3


def rounds(count, what, action):
    for number in range(count):
        action()
        print('  %s: round %d of %d' % (what, number + 1, count), file=sys.stderr, flush=True)
