# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS servers of several makes in one network namespace, each on a loopback address of its own, and what they cost.

A server is started with the files of a scratch folder, is ready when it answers, and is gone at the end of its `with`."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WAIT = 20  # seconds until a program must be ready
TICK = os.sysconf('SC_CLK_TCK')


class Bench:
    """A namespace with nothing but loopback, and a scratch folder. A context manager: all of it is gone afterwards."""

    def __init__(self, bin_dir):
        self.bin = os.path.abspath(bin_dir)
        self.name = 'ipref-dns-%d' % os.getpid()
        self.work = tempfile.mkdtemp(prefix='ipref-dns-bench-')
        os.chmod(self.work, 0o755)

    def __enter__(self):
        subprocess.run(['ip', 'netns', 'add', self.name], check=True)
        subprocess.run(['ip', '-n', self.name, 'link', 'set', 'lo', 'up'], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(['ip', 'netns', 'del', self.name], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def file(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text)
        return self.path(name)

    def inside(self, *words):
        return ['ip', 'netns', 'exec', self.name, *words]

    def run(self, *words, **more):
        return subprocess.run(self.inside(*words), check=True, capture_output=True, text=True, **more)


class Server:
    """One program, or several that answer together (resolver and gateway)."""

    def __init__(self, bench, title, address, *command, ready=None, env=None):
        """`ready`: what says that it is; by default that it answers a question over UDP."""
        self.bench, self.title, self.address, self.command = bench, title, address, command
        self.ready, self.env, self.process = ready or self.answers, env, None

    def __enter__(self):
        self.log = self.bench.path('%s-%s.log' % (self.title, self.address))
        with open(self.log, 'w', encoding='utf-8') as log:
            self.process = subprocess.Popen(self.bench.inside(*self.command), stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True, env=dict(os.environ, **(self.env or {})))
        end = time.monotonic() + WAIT
        while not self.ready():
            if time.monotonic() > end or self.process.poll() is not None:
                self.__exit__()
                with open(self.log, encoding='utf-8', errors='replace') as log:
                    raise RuntimeError('%s is not ready\n%s' % (self.title, log.read()[-2000:]))
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def answers(self):
        done = subprocess.run(self.bench.inside('dig', '+tries=1', '+time=1', '@' + self.address, 'ready.test', 'SOA'),
                              check=False, capture_output=True)
        return done.returncode == 0

    def processes(self):
        """Ids of the program and its children."""
        out = []
        for pid in os.listdir('/proc'):
            if not pid.isdigit():
                continue
            try:
                with open('/proc/%s/stat' % pid, encoding='ascii', errors='replace') as f:
                    fields = f.read().rsplit(')', 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid:
                out.append((int(pid), int(fields[11]) + int(fields[12])))
        return out

    def cpu(self):
        """Seconds of processor time so far, of all its processes."""
        return sum(ticks for _, ticks in self.processes()) / TICK

    def resident(self):
        """Bytes of memory, of all its processes."""
        total = 0
        for pid, _ in self.processes():
            with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith('VmRSS:'))
        return total


def ours(bench, address, body, title='ours', zones='.'):
    """`body`: lines of the server block."""
    lines = ['bind ' + address, *body]
    corefile = bench.file('Corefile-%s-%s' % (title, address), '%s {\n%s\n}\n' % (zones, '\n'.join('    ' + x for x in lines)))
    return Server(bench, title, address, os.path.join(bench.bin, 'ipref-coredns'), '-quiet', '-conf', corefile)


def nsd(bench, address, zones, title='nsd'):
    """`zones`: [(name, file)]."""
    base = 'nsd-%s' % address
    text = ('server:\n ip-address: %s\n server-count: %d\n reuseport: yes\n rrl-ratelimit: 0\n username: ""\n zonesdir: "%s"\n database: ""\n'
            ' pidfile: "%s.pid"\n xfrdfile: "%s.xfrd"\n zonelistfile: "%s.list"\n chroot: ""\n'
            'remote-control:\n control-enable: no\n'
            % (address, os.cpu_count(), bench.work, *(3 * [bench.path(base)])))
    for name, file in zones:
        text += 'zone:\n name: "%s"\n zonefile: "%s"\n provide-xfr: 127.0.0.0/8 NOKEY\n' % (name, file)
    return Server(bench, title, address, 'nsd', '-d', '-c', bench.file(base + '.conf', text))


def knot(bench, address, zones, title='knot'):
    folder = bench.path('knot-' + address)
    os.makedirs(folder, exist_ok=True)
    text = ('server:\n listen: %s@53\n rundir: %s\n udp-workers: %d\ndatabase:\n storage: %s\n'
            'log:\n - target: stderr\n   any: warning\nzone:\n' % (address, folder, os.cpu_count(), folder))
    for name, file in zones:
        text += ' - domain: %s\n   file: %s\n   zonefile-sync: -1\n   journal-content: none\n' % (name, file)
    return Server(bench, title, address, 'knotd', '-c', bench.file('knot-%s.conf' % address, text))


def unbound(bench, address, upstream, title='unbound'):
    text = ('server:\n interface: %s\n access-control: 127.0.0.0/8 allow\n do-daemonize: no\n num-threads: %d\n'
            ' so-reuseport: yes\n username: ""\n chroot: ""\n pidfile: "%s"\n use-syslog: no\n verbosity: 0\n'
            ' do-not-query-localhost: no\n module-config: "iterator"\n local-zone: "test." nodefault\n'
            ' msg-cache-size: 64m\n rrset-cache-size: 128m\n outgoing-range: 8192\n num-queries-per-thread: 4096\n'
            'remote-control:\n control-enable: no\n'
            'forward-zone:\n name: "."\n forward-addr: %s\n'
            % (address, os.cpu_count(), bench.path('unbound-%s.pid' % address), upstream))
    return Server(bench, title, address, 'unbound', '-d', '-c', bench.file('unbound-%s.conf' % address, text))


def dnsmasq(bench, address, upstream, cache, title='dnsmasq'):
    return Server(bench, title, address, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts',
                  '--bind-interfaces', '--listen-address=' + address, '--server=' + upstream, '--cache-size=%d' % cache,
                  '--dns-forward-max=10000', '--user=root', '--pid-file=%s' % bench.path('dnsmasq-%s.pid' % address))


def lab_answers(bench, address, name, kind='A'):
    """The data of an answer's records, as dig prints them."""
    done = bench.run('dig', '+short', '+tries=1', '+time=3', '+bufsize=1232', '@' + address, name, kind)
    return done.stdout.split('\n')[:-1]


def axfr(bench, address, zone):
    """(records, bytes, seconds) of a transfer, read as fast as this language does."""
    code = AXFR % (address, zone)
    words = bench.run('python3', '-c', code).stdout.split()
    return int(words[0]), int(words[1]), float(words[2])


AXFR = '''
import socket, struct, time
started = time.monotonic()
s = socket.create_connection((%r, 53))
name = b"".join(bytes([len(x)]) + x for x in %r.encode().split(b".")) + b"\\0"
query = struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 252, 1)
s.sendall(struct.pack(">H", len(query)) + query)
data, records, size, soas = b"", 0, 0, 0
while soas < 2:
    more = s.recv(1 << 20)
    if not more:
        raise SystemExit("the connection was closed after %%d records" %% records)
    data += more
    at = 0
    while len(data) - at >= 2:
        length = data[at] << 8 | data[at + 1]
        if len(data) - at - 2 < length:
            break
        message = data[at + 2:at + 2 + length]
        count = struct.unpack(">H", message[6:8])[0]
        records += count
        size += length
        at += 2 + length
        # the last record of a transfer is the SOA: its data ends with five numbers, the message ends with it
        soas += message.count(struct.pack(">II", 3600, 600))
    data = data[at:]
print(records, size, time.monotonic() - started)
'''
