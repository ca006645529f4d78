# SPDX-License-Identifier: GPL-2.0-or-later
"""What the gateways do under load: with a million mappings, while packets make new ones, under attack. Each prints its lines
and returns [(what, value, limit, whether it is met)]."""
import collections
import os
import re
import statistics
import subprocess
import time

import measure
from network import Network, outer

METRICS = '127.0.0.1:9100'
REF = '1002'  # of the host of site 2: see Network.start_gateways
STREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'load', 'stream.py')


def resident(process):
    with open('/proc/%d/status' % process.pid, encoding='ascii') as f:
        return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1)) * 1024


def metrics(network, site):
    """{line start: value}"""
    text = network.inside('g%d' % site, 'curl', '-sf', 'http://%s/metrics' % METRICS).stdout
    rows = (line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))
    return collections.Counter({name: float(value) for name, value in rows})


def million(bin_dir, seconds, rounds, mappings=1_000_000):
    """Throughput with few and with many mappings, and the memory they take."""
    rates = collections.defaultdict(list)
    with Network(bin_dir, 4, 4, encode_net='10.0.0.0/8') as few, Network(bin_dir, 4, 4, encode_net='10.0.0.0/8') as many:
        for site in (1, 2):
            subprocess.run([os.path.join(bin_dir, 'mapper-load'), many.mapper(site), 'encode', '0', str(mappings), '500', '10'],
                           check=True, stdout=subprocess.DEVNULL)
        for _ in range(rounds):
            for name, network in (('few', few), ('many', many)):
                rates['TCP', name].append(measure.iperf(network, 'ours', seconds)[0])
                rates['UDP', name].append(measure.udp(network, 'ours', seconds, 64, 1)[0] / 1e3)
        memory = resident(many.gateways[1])
    out = []
    for kind, unit in (('TCP', 'Gb/s'), ('UDP', 'kpps')):
        few_rate, many_rate = (statistics.median(rates[kind, name]) for name in ('few', 'many'))
        print('%s with 2 mappings %.2f %s, with %d %.2f %s' % (kind, few_rate, unit, mappings, many_rate, unit))
        out.append(('%s, a million mappings to two' % kind, many_rate / few_rate, '>= 0.9', many_rate >= 0.9 * few_rate))
    each = (memory - 20e6) / mappings
    print('memory with %d mappings: %.0f MB' % (mappings, memory / 1e6))
    return out + [('bytes a mapping, beyond 20 MB', each, '<= 200', each <= 200)]


def new_mappings(bin_dir, seconds, wanted=50_000):
    """Packets make mappings while another flow goes on; a little more is asked for than is wanted."""
    rate = wanted * 1.1
    with Network(bin_dir, 4, 4, ('-metrics', METRICS)) as network:
        tool = os.path.join(bin_dir, 'udp-load')
        receiver = network.start('h2', tool, 'receive', network.local('ours'), measure.PORT, str(seconds + 4),
                                 stdout=subprocess.PIPE, text=True)
        receiver.stdout.readline()
        sender = network.start('h1', tool, 'send', network.target('ours'), measure.PORT, '200', str(seconds + 2), '2', '5000',
                               stdout=subprocess.PIPE, text=True)
        sent = network.json('g1', os.path.join(bin_dir, 'packet-load'), 'new', outer(4, 2), REF, str(seconds), '%d' % rate, '1')
        flow = measure.parsed(sender)['sent'], measure.parsed(receiver)['packets']
        after = metrics(network, 2)
    made = after['ipref_mapper_entries{kind="remote"}'] / sent['seconds']
    print('new mappings by packets: %.0f a second of %.0f asked for; the other flow lost %d of %d packets' %
          (made, sent['sent'] / sent['seconds'], flow[0] - flow[1], flow[0]))
    return [('new mappings a second, by packets', made, '>= %d' % wanted, made >= wanted),
            ('packets that an established flow loses meanwhile', flow[0] - flow[1], '0', flow[0] <= flow[1])]


def attack(bin_dir, megabytes):
    """A transfer through a gateway that hostile packets are sent to, as fast as it goes."""
    with Network(bin_dir, 4, 4, ('-metrics', METRICS)) as network:
        receiver = network.start('h2', STREAM, 'receive', network.local('ours'), measure.PORT, stdout=subprocess.PIPE, text=True)
        receiver.stdout.readline()
        before = metrics(network, 2)
        sender = network.start('h1', STREAM, 'send', network.target('ours'), measure.PORT, str(megabytes), '7',
                               stdout=subprocess.PIPE, text=True)
        start, sent, seed = time.monotonic(), 0, 0
        while sender.poll() is None:
            seed += 1
            sent += network.json('g1', os.path.join(bin_dir, 'packet-load'), 'hostile', outer(4, 2), REF, '2', '0', str(seed))['sent']
        same = sender.communicate()[0] == receiver.communicate(timeout=60)[0]
        took = time.monotonic() - start
        gained = metrics(network, 2)
        gained.subtract(before)
        alive = network.gateways[2].poll() is None
    drops = {name: count for name, count in gained.items() if name.startswith('ipref_gw_dropped') and 'direction="in"' in name and count}
    arrived = gained['ipref_gw_received_packets_total{side="udp"}']
    passed = gained['ipref_gw_sent_packets_total{side="tun"}']
    print('%d MB in %.0f s while %d hostile packets were sent' % (megabytes, took, sent))
    for name, count in sorted(drops.items(), key=lambda row: -row[1]):
        print('  %10d %s' % (count, re.search('reason="(.*?)"', name).group(1)))
    print('  %10d passed, %d arrived, %d lost in the full socket' % (passed, arrived, gained['ipref_gw_socket_overflows_total']))
    own = sum(count for name, count in drops.items() if 'icmp_rate_limited' in name)  # errors not sent, beside the packet's drop
    unexplained = arrived - passed - sum(drops.values()) + own
    return [('SHA-256 of what arrived', same, 'equal', same), ('the gateway', alive, 'alive', alive),
            ('packets neither passed nor counted as dropped', unexplained, '0', unexplained == 0)]
