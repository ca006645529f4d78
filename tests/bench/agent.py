#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The DNS agent with a zone of many hosts, NSD and a gateway in one network namespace: from its start until the gateway has
taken the hosts, from a change in the zone until a packet for the new host comes through the gateway; and the agent's memory.
Needs root."""
import argparse
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dns_servers import Bench, Server  # noqa: E402

DNS, PORT, NOTIFY = '127.0.0.1', 5300, 5399
CHANGES = 3
APART = 3  # seconds: a server's NOTIFYs within a second of a poll wait for that second's end
GATEWAY, ENCODE = '198.51.100.1', '10.224.0.0/12'  # hosts are 10.0.0.0 and up
# hosts: (most seconds from start, most seconds from NOTIFY, most MB)
TARGETS = {10: (None, 0.05, None), 10_000: (None, 1, None), 100_000: (3, None, 200)}
NSD = '''server:
  ip-address: %(dns)s@%(port)d
  username: ""
  chroot: ""
  database: ""
  zonesdir: "%(work)s"
  pidfile: "%(work)s/nsd.pid"
  xfrdfile: "%(work)s/xfrd.state"
  xfrdir: "%(work)s"
  zonelistfile: "%(work)s/zone.list"
remote-control:
  control-enable: no
zone:
  name: "internal"
  zonefile: "%(work)s/internal"
zone:
  name: "example.com"
  zonefile: "%(work)s/example.com"
  provide-xfr: %(dns)s NOKEY
  notify: %(dns)s@%(notify)d NOKEY
  store-ixfr: yes
  create-ixfr: yes
'''


def address(number):
    return '10.%d.%d.%d' % (number >> 16, number >> 8 & 255, number & 255)


def ref(number):
    """References below these are the gateway's own."""
    return '%x-%04x' % (1 + (number >> 16), number & 0xffff)


def zone(name, serial, records):
    return '$ORIGIN %s.\n$TTL 60\n@ SOA ns a %d 3600 600 86400 60\n@ NS ns\nns A %s\n%s\n' % (
        name, serial, DNS, '\n'.join(records))


def write(bench, hosts, serial):
    addresses = ['h%d A %s' % (i, address(i)) for i in range(1, hosts + 1)]
    published = ['h%d TXT "AA %s + %s"' % (i, GATEWAY, ref(i)) for i in range(1, hosts + 1)]
    bench.file('internal', zone('internal', serial, addresses))
    bench.file('example.com', zone('example.com', serial, published))


def log_of(server):
    with open(server.log, encoding='utf-8', errors='replace') as f:
        return f.read()


def time_in_log(text, what):
    """Seconds of the day at which a line with `what` was last logged; -time-stamps writes them."""
    lines = [line for line in text.splitlines() if what in line]
    hours, minutes, seconds = lines[-1].split()[1].split(':')
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def wait_for(server, what, seconds=60):
    end = time.monotonic() + seconds
    while what not in log_of(server):
        if time.monotonic() > end or server.process.poll() is not None:
            raise RuntimeError('%s did not say "%s"\n%s' % (server.title, what, log_of(server)[-2000:]))
        time.sleep(0.05)


# Prints the time of day at which the first packet for an address leaves the TUN interface.
SNIFFER = '''
import socket, sys, time
tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
tap.bind((sys.argv[1], 0))
print("ready", flush=True)
while tap.recv(2048)[16:20] != socket.inet_aton(sys.argv[2]):
    pass
now = time.time()
day = time.localtime(now)
print(day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec + now % 1, flush=True)
'''


class Traffic:
    """Packets for a reference, 2,000 a second from as many strangers, from before it is published; a context manager."""

    def __init__(self, bench, number):
        self.bench, self.number, self.children = bench, number, []

    def __enter__(self):
        at = address(self.number)
        self.sniffer = self.start(sys.executable, '-c', SNIFFER, 'ipref0', at, stdout=subprocess.PIPE, text=True)
        self.sniffer.stdout.readline()
        self.start(os.path.join(self.bench.bin, 'packet-load'), 'new', GATEWAY, ref(self.number), '30', '2000',
                   str(self.number), stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()

    def start(self, *command, **more):
        child = subprocess.Popen(self.bench.inside(*command), **more)
        self.children.append(child)
        return child

    def first(self):
        """Seconds of the day."""
        return float(self.sniffer.stdout.readline())


def peak(pid):
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read())[1]) / 1024


def measure(bin_dir, hosts):
    """(seconds from start, seconds from each NOTIFY, MB)"""
    with Bench(bin_dir) as bench:
        write(bench, hosts, 1)
        conf = bench.file('nsd.conf', NSD % {'dns': DNS, 'port': PORT, 'notify': NOTIFY, 'work': bench.work})
        socket = bench.path('mapper.sock')
        program = lambda name: os.path.join(bench.bin, name)
        served = lambda: bench.run('dig', '+short', '+tries=1', '+time=5', '@' + DNS, '-p', str(PORT), 'example.com',
                                   'SOA').stdout.startswith('ns.')
        nsd = Server(bench, 'nsd', DNS, 'nsd', '-d', '-c', conf, ready=lambda: os.path.exists(bench.path('nsd.pid')))
        gateway = Server(bench, 'gateway', DNS, program('ipref-gw'), '-gateway', GATEWAY, '-encode-net', ENCODE, '-tun', 'ipref0',
                         '-data', bench.path('data'), '-hosts', bench.file('hosts', ''), '-mapper-socket', socket,
                         ready=lambda: os.path.exists(socket))
        agent = Server(bench, 'agent', DNS, program('ipref-dns-agent'), '-time-stamps', '-debug', '-m', 'unix://' + socket,
                       '-resolver', '%s:%d' % (DNS, PORT), '-notify', '%s:%d' % (DNS, NOTIFY),
                       'internal:example.com:%s:%d' % (DNS, PORT), ready=lambda: True)
        bench.run('ip', 'address', 'add', GATEWAY + '/32', 'dev', 'lo')
        with nsd, gateway:
            while not served():
                time.sleep(0.1)
            with agent:
                done = 'published %d hosts' % hosts
                wait_for(agent, done)
                begun = time_in_log(log_of(agent), 'START')
                start = time_in_log(log_of(agent), done) - begun
                changes = []
                for number in range(1, CHANGES + 1):
                    time.sleep(APART)
                    write(bench, hosts + number, number + 1)
                    with Traffic(bench, hosts + number) as traffic:
                        with open(bench.path('nsd.pid'), encoding='ascii') as f:
                            os.kill(int(f.read()), signal.SIGHUP)
                        arrived = traffic.first()
                    wait_for(agent, 'published %d hosts' % (hosts + number))
                    changes.append(arrived - time_in_log(log_of(agent), 'says that the zone has changed'))
                return start, changes, peak(agent.process.pid)


def judged(value, limit, form):
    if limit is None:
        return form % value
    return (form + ' (%s %g)') % (value, 'meets' if value < limit else 'MISSES', limit)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('hosts', nargs='*', type=int, default=sorted(TARGETS))
    parser.add_argument('--bin', default='build/bin')
    options = parser.parse_args()
    for hosts in options.hosts:
        targets = TARGETS.get(hosts, (None, None, None))
        start, changes, megabytes = measure(options.bin, hosts)
        # The first NOTIFY may be NSD's own at its start, just before: then a second's rest is in it.
        print('%d hosts: start to published %s s; NOTIFY to traffic %s s, median of %d; %s MB' % (
            hosts, judged(start, targets[0], '%.3f'), judged(sorted(changes)[CHANGES // 2], targets[1], '%.3f'), CHANGES,
            judged(megabytes, targets[2], '%.0f')))


if __name__ == '__main__':
    main()
