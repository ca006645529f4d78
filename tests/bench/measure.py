# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured on a Network: each function gives one figure of one way in one run."""
import json
import os
import re
import subprocess

PORT = '9045'


def busy_seconds():
    """CPU seconds that all processors have spent so far."""
    with open('/proc/stat', encoding='ascii') as f:
        ticks = [int(word) for word in f.readline().split()[1:]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks[:8]) - idle) / os.sysconf('SC_CLK_TCK')


def iperf(network, way, seconds, *options):
    """One TCP run from h1 to h2 (-R: the other way); (Gb/s received, CPU seconds per GB)."""
    server = network.start('h2', 'iperf3', '-s', '-1', '-B', network.local(way), '-p', PORT, stdout=subprocess.DEVNULL)
    port_hex = ':%04X ' % int(PORT)
    network.wait(lambda: any(port_hex in line and ' 0A ' in line for table in ('tcp', 'tcp6') for line in
                             network.inside('h2', 'cat', '/proc/net/' + table).stdout.splitlines()), 'iperf3')
    before = busy_seconds()
    try:
        done = network.inside('h1', 'iperf3', '-J', '-c', network.target(way), '-p', PORT, '-t', str(seconds), '-O', '1', *options,
                              timeout=seconds + 20)
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
    spent = busy_seconds() - before
    received = json.loads(done.stdout)['end']['sum_received']
    # CPU was spent during the omitted second as well
    gigabytes = received['bits_per_second'] / 8e9 * (seconds + 1)
    return received['bits_per_second'] / 1e9, spent / gigabytes if gigabytes else float('inf')


def parsed(process):
    """What a tool that was started prints at its end."""
    return json.loads(process.communicate(timeout=120)[0])


def udp(network, way, seconds, size, flows, rate=0):
    """A UDP load from h1 to h2; (datagrams/s received, share lost of what was sent)."""
    tool = os.path.join(network.bin, 'udp-load')
    receiver = network.start('h2', tool, 'receive', network.local(way), PORT, str(seconds + 1), stdout=subprocess.PIPE, text=True)
    if receiver.stdout.readline() != 'ready\n':
        raise RuntimeError('udp-load does not receive')
    sent = network.json('h1', tool, 'send', network.target(way), PORT, str(size), str(seconds), str(flows), str(rate))
    got = parsed(receiver)
    return got['packets'] / got['seconds'], 1 - got['packets'] / max(1, sent['sent'])


def round_trip(network, way, count=300):
    """Median round trip in milliseconds of lone echo requests, 10 ms apart."""
    out = network.inside('h1', 'ping', '-n', '-i', '0.01', '-c', str(count), network.target(way)).stdout
    times = sorted(float(t) for t in re.findall(r'time=([\d.]+) ms', out))
    if len(times) < count:
        raise RuntimeError('%s: %d of %d echo replies' % (way, len(times), count))
    return times[len(times) // 2]
