#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The DNS server for half an hour with everything around it breaking: reloads (some of them of broken Corefiles), upstreams
killed and frozen, the gateway frozen, killed and restarted, TCP clients that take their time, and dnsperf's load beside it.
Every answer is compared with the right one. Fails on a wrong answer, on a question without an answer in 2.5 s, on SERVFAIL that
no frozen or restarting gateway explains, and on memory that grows. Needs root."""
import argparse
import collections
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns_ipref  # noqa: E402
import dns_servers as servers  # noqa: E402
import targets  # noqa: E402

SOA = dns_ipref.SOA
ADDRESS, UPSTREAMS = '127.0.6.9', ('127.0.6.1', '127.0.6.2')
NEW = 400_000       # names under new.test
EXPLAINED = 2.0     # seconds after a trouble of the gateway's in which SERVFAIL is the right answer
SLOW_CLIENTS = 20


def numbered(count):
    return ''.join('h%d A 10.%d.%d.%d\n' % (i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(count))


class Soak:
    def __init__(self, bench, seconds, rate, load, seed):
        self.bench, self.seconds, self.rate, self.load = bench, seconds, rate, load
        self.chosen = random.Random(seed)
        self.troubles = []  # (from, to): times in which the gateway cannot be asked
        self.done = collections.Counter()
        self.reports, self.strange, self.memory = [], [], []
        zones = [('any.test', SOA + '* 0 A 192.0.2.1\n'), ('kept.test', SOA + '* 5 A 192.0.2.1\n'), ('ready.test', SOA),
                 ('known.test', SOA.replace('3600', '5', 1) + ''.join('h%d %s\n' % (i, dns_ipref.aa(i)) for i in range(10_000))),
                 ('new.test', SOA + ''.join('n%d %s\n' % (i, dns_ipref.aa(1_000_000 + i)) for i in range(NEW)))]
        files = [(name, bench.file(name + '.zone', text)) for name, text in zones]
        self.upstreams = [servers.nsd(bench, address, files, title='upstream') for address in UPSTREAMS]
        bench.file('bench.zone', SOA + numbered(10_000))
        bench.file('held-hosts', ''.join('10.0.%d.%d h%d.held.test\n' % (i >> 8, i & 255, i) for i in range(1000)))
        self.socket = bench.path('mapper.sock')
        os.makedirs(bench.path('data'), exist_ok=True)
        self.gateway = servers.Server(bench, 'gateway', '127.0.6.8', os.path.join(bench.bin, 'ipref-gw'), '-devmode', '-gateway',
                                      '192.0.2.1', '-data', bench.path('data'), '-hosts', bench.file('hosts', ''), '-mapper-socket',
                                      self.socket, ready=lambda: os.path.exists(self.socket))
        self.corefile(0)
        self.server = servers.Server(bench, 'ours', ADDRESS, os.path.join(bench.bin, 'ipref-coredns'), '-quiet', '-conf',
                                     bench.path('Corefile'))

    def corefile(self, turn):
        """Another one each turn, which means the same; every fifth is broken."""
        body = ['bind ' + ADDRESS, 'errors', 'file %s bench.test' % self.bench.path('bench.zone'),
                'hosts %s held.test {' % self.bench.path('held-hosts'), '}', 'ipref known.test new.test {',
                *('    upstream ' + one for one in UPSTREAMS), '    mapper ' + self.socket, '}', 'cache %d' % (10 + turn % 7),
                'forward . %s' % ' '.join(UPSTREAMS)]
        if turn % 5 == 4:
            body.append('no-such-plugin')
        self.bench.file('Corefile.new', '# turn %d\n. {\n%s\n}\n' % (turn, '\n'.join('    ' + x for x in body)))
        os.rename(self.bench.path('Corefile.new'), self.bench.path('Corefile'))

    def pid(self, server):
        """Of the program itself: `ip netns exec` becomes it."""
        return server.process.pid

    # What happens to it; each takes its time.

    def reload(self):
        self.corefile(self.done['reload'] + 1)
        os.kill(self.pid(self.server), signal.SIGUSR1)
        time.sleep(self.chosen.uniform(0.2, 2))

    def kill_upstream(self):
        one = self.chosen.choice(self.upstreams)
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
        time.sleep(self.chosen.uniform(0.1, 3))
        one.__enter__()

    def freeze_upstream(self):
        one = self.chosen.choice(self.upstreams)
        os.killpg(one.process.pid, signal.SIGSTOP)
        time.sleep(self.chosen.uniform(0.1, 3))
        os.killpg(one.process.pid, signal.SIGCONT)
        time.sleep(1)  # it answers what is too late first

    def freeze_gateway(self):
        began = time.monotonic()
        os.killpg(self.gateway.process.pid, signal.SIGSTOP)
        time.sleep(self.chosen.uniform(0.1, 3))
        os.killpg(self.gateway.process.pid, signal.SIGCONT)
        self.troubles.append((began, time.monotonic() + EXPLAINED))

    def restart_gateway(self, number=signal.SIGTERM):
        began = time.monotonic()
        os.killpg(self.gateway.process.pid, number)
        self.gateway.process.wait()
        if os.path.exists(self.socket):
            os.unlink(self.socket)  # what is ready is the new one
        self.gateway.__enter__()
        self.troubles.append((began, time.monotonic() + EXPLAINED))

    def kill_gateway(self):
        self.restart_gateway(signal.SIGKILL)

    def disturb(self, end):
        what = ('reload', 'reload', 'kill_upstream', 'freeze_upstream', 'freeze_gateway', 'restart_gateway', 'kill_gateway')
        while time.monotonic() < end:
            one = self.chosen.choice(what)
            getattr(self, one)()
            self.done[one] += 1
            time.sleep(self.chosen.uniform(0, 3))

    # Who watches.

    def read_client(self, client):
        for line in client.stdout:
            said = json.loads(line)
            (self.reports if 'counts' in said else self.strange).append(said)

    def watch_memory(self, end):
        while time.monotonic() < end:
            self.memory.append(self.server.resident() / 1e6)
            time.sleep(1)

    def keep_loading(self, end):
        names = self.bench.file('load', ''.join('h%d.bench.test A\nw%d.kept.test A\n' % (i, i) for i in range(1000)))
        while time.monotonic() < end:
            self.bench.run('dnsperf', '-s', ADDRESS, '-d', names, '-l', '10', '-Q', str(self.load), '-c', '8', timeout=60)

    def run(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with self.upstreams[0], self.upstreams[1], self.gateway, self.server:
            end = time.monotonic() + self.seconds
            client = subprocess.Popen(self.bench.inside(sys.executable, os.path.join(here, 'soak_client.py'), ADDRESS, str(self.rate)),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            slow = subprocess.Popen(self.bench.inside(sys.executable, '-c', SLOW % (ADDRESS, SLOW_CLIENTS)))
            threads = [threading.Thread(target=self.read_client, args=(client,)), threading.Thread(target=self.watch_memory, args=(end,)),
                       threading.Thread(target=self.keep_loading, args=(end,))]
            for one in threads:
                one.start()
            try:
                self.disturb(end)
            finally:
                client.stdin.close()
                slow.terminate()
                for one in threads:
                    one.join()
                self.alive = self.server.process.poll() is None
                with open(self.server.log, encoding='utf-8', errors='replace') as log:
                    self.reloads = log.read().count('Reloading complete')
        return self.judge()

    def explained(self, said):
        of_gateway = said['name'].endswith(('.known.test', '.new.test'))
        return of_gateway and said['what'] == 'SERVFAIL' and any(a <= said['at'] <= b for a, b in self.troubles)

    def judge(self):
        counts, slowest = self.reports[-1]['counts'], self.reports[-1]['slowest']
        unexplained = [one for one in self.strange if not self.explained(one)]
        print('what happened: ' + ', '.join('%s %d' % item for item in sorted(self.done.items())) + '; reloads done %d' % self.reloads)
        print('questions: ' + ', '.join('%s %d' % item for item in counts.items()) + ', slowest %g s' % slowest)
        for one in unexplained[:20]:
            print('NOT RIGHT: %(name)s at %(at).3f: %(what)s' % one)
        quarter = max(1, len(self.memory) // 4)
        early, late = statistics.median(self.memory[quarter:2 * quarter]), statistics.median(self.memory[-quarter:])
        rows = [('questions answered right, thousands', counts['right'] / 1e3, '> 0', counts['right'] > 0),
                ('answers wrong, missing, or SERVFAIL for no reason', len(unexplained), '<= 0', not unexplained),
                ('memory in the last quarter, MB', late, '<= %.1f' % (early * 1.1 + 2), late <= early * 1.1 + 2),
                ('reloads done', self.reloads, '> 0', self.reloads > 0),
                ('the server that was started still runs', float(self.alive), '>= 1', self.alive)]
        targets.show(rows)
        return all(row[3] for row in rows)


SLOW = '''
import select, socket, struct, time
address, count = %r, %d
name = b"\\x02h7\\x05bench\\x04test\\0"
query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
query = struct.pack(">H", len(query)) + query
clients = [None] * count
while True:
    for i in range(count):
        try:
            if clients[i] is None:
                clients[i] = [socket.create_connection((address, 53), 5), 0]
            s, at = clients[i]
            if select.select([s], [], [], 0)[0] and s.recv(1 if i %% 2 else 65536) == b"":
                raise OSError
            s.send(query[at:at + 1])
            clients[i][1] = (at + 1) %% len(query)
        except OSError:
            if clients[i]:
                clients[i][0].close()
            clients[i] = None
    time.sleep(0.1)
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bin', default='build/bin')
    parser.add_argument('--minutes', type=float, default=30)
    parser.add_argument('--rate', type=float, default=300, help='questions a second whose answers are compared')
    parser.add_argument('--load', type=int, default=3000, help="dnsperf's queries a second beside them")
    parser.add_argument('--seed', type=int, default=1)
    a = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit('soak: needs root, to make a network namespace')
    with servers.Bench(a.bin) as bench:
        good = Soak(bench, a.minutes * 60, a.rate, a.load, a.seed).run()
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    targets.run(main)
