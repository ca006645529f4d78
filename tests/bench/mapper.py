# SPDX-License-Identifier: GPL-2.0-or-later
"""What the mapper does for resolvers and agents: a gateway in -devmode with its database in a folder of its own, and one client
at a time. Prints its lines and returns [(what, value, limit, whether it is met)]."""
import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

MILLION = 1_000_000


class Gateway:
    """ipref-gw with nothing but the mapper; `folder` holds its database and socket."""

    def __init__(self, bin_dir, folder):
        self.bin_dir, self.folder = bin_dir, folder
        self.socket = os.path.join(folder, 'mapper.sock')
        hosts = os.path.join(folder, 'hosts')
        with open(hosts, 'w', encoding='ascii'):
            pass
        self.command = [os.path.join(bin_dir, 'ipref-gw'), '-devmode', '-gateway', '203.0.113.1', '-encode-net', '10.0.0.0/8',
                        '-data', os.path.join(folder, 'data'), '-mapper-socket', self.socket, '-hosts', hosts]

    def __enter__(self):
        start = time.monotonic()
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > start + 60:
                raise RuntimeError('the gateway has not started: see %s/log' % self.folder)
            time.sleep(0.005)
        self.took = time.monotonic() - start
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            try:
                client.connect(self.socket)
            except OSError:
                return False
        return True

    def load(self, *words):
        done = subprocess.run([os.path.join(self.bin_dir, 'mapper-load'), self.socket, *map(str, words)], check=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def resident(self):
        with open('/proc/%d/status' % self.process.pid, encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1)) * 1024


def rates(bin_dir, rounds):
    """Each round with a database of its own: [{what: value}]"""
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix='ipref-bench-') as folder, Gateway(bin_dir, folder) as gateway:
            found = {'idle': gateway.load('encode', 5_000_000, 100, 1, 1)['p50_ms']}
            found['new'] = gateway.load('encode', 0, 200_000, 1, 1000)['per_second']
            found['batch'] = 1000 * gateway.load('encode', 1_000_000, 10_000, 1000, 10)['seconds']
            found['warm'] = gateway.load('encode', 0, 200_000, 1, 1000)['per_second']
            found['warm batches'] = gateway.load('encode', 0, 200_000, 500, 10)['per_second']
            published = gateway.load('publish', 'example.com', 100_000, 10)
            found['set'], found['change'] = published['set_ms'], published['change_ms']
        print('  round %d of %d: %s' % (number + 1, rounds, ', '.join('%s %.4g' % row for row in found.items())), flush=True)
        yield found


def million(bin_dir):
    """(seconds from start to serving, bytes resident then)"""
    with tempfile.TemporaryDirectory(prefix='ipref-bench-') as folder:
        with Gateway(bin_dir, folder) as gateway:
            gateway.load('encode', 0, MILLION, 500, 10)
        with Gateway(bin_dir, folder) as gateway:
            return gateway.took, gateway.resident()


def measured(bin_dir, rounds):
    found = list(rates(bin_dir, rounds))
    took, memory = million(bin_dir)

    def median(what):
        return statistics.median(row[what] for row in found)

    def at_least(what, name, limit):
        return (name, median(what), '>= %d' % limit, median(what) >= limit)

    def below(name, value, limit):
        return (name, value, '< %g' % limit, value < limit)

    return [at_least('new', 'new mappings a second, durable, one a message', 50_000),
            below('10,000 new mappings in one go, ms', median('batch'), 300),
            at_least('warm', 'known mappings a second, one a message', 120_000),
            at_least('warm batches', 'known mappings a second, 500 a message', 500_000),
            below('one new mapping while idle, ms', median('idle'), 5),
            below('100,000 hosts applied and durable, ms', median('set'), 1000),
            below('a change of 10 among them, ms', median('change'), 20),
            below('a million mappings, start to serving, s', took, 2),
            below('a million mappings, MB', memory / 1e6, 250)]
