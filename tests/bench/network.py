# SPDX-License-Identifier: GPL-2.0-or-later
"""The network that the end-to-end benchmarks measure: two sites, one host and one gateway each, and three ways between them.

    h1 ---- g1 ---- g2 ---- h2        veth pairs, MTU 1500 throughout

- routed: plain forwarding, the upper bound;
- vxlan:  the kernel's VXLAN between g1 and g2, the peer to be compared with;
- ours:   ipref-gw on g1 and g2, statics from a hosts file, so that nothing but the data path counts.
Each way has addresses of its own on h1 and h2; the hosts stay the same. `inner` and `outer` are 4 or 6."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

HOSTS = ('h1', 'g1', 'g2', 'h2')
WAIT = 15  # seconds until a program must be ready


def run(*words, check=True, **more):
    return subprocess.run(words, check=check, capture_output=True, text=True, **more)


def net(family, site, way):
    """Prefix of a site's local network for a way: (text to put an address into, prefix length)."""
    number = {'routed': 0, 'vxlan': 10, 'ours': 20}[way] + site
    return ('192.168.%d.%%d' % number, 24) if family == 4 else ('fd00:%d::%%d' % number, 64)


def outer(family, site):
    return '203.0.113.%d' % site if family == 4 else '2001:db8:113::%d' % site


class Network:
    """One combination of families. A context manager: everything is gone afterwards."""

    made = 0

    def __init__(self, bin_dir, inner, outer_family, options=(), encode_net=None):
        """`options`: more of the gateways'."""
        self.bin, self.inner, self.outer, self.options = bin_dir, inner, outer_family, options
        self.encode_net = encode_net or ('10.240.0.0/12' if inner == 4 else 'fd00:240::/64')
        self.work = tempfile.mkdtemp(prefix='ipref-bench-')
        Network.made += 1
        self.prefix = 'ib%d.%d' % (os.getpid(), Network.made)
        self.programs = []
        self.gateways = {}  # site to process

    def name(self, host):
        return '%s-%s' % (self.prefix, host)

    def inside(self, host, *words, **more):
        return run('ip', 'netns', 'exec', self.name(host), *words, **more)

    def start(self, host, *words, **more):
        program = subprocess.Popen(['ip', 'netns', 'exec', self.name(host), *words], start_new_session=True, **more)
        self.programs.append(program)
        return program

    def ip(self, host, *words):
        run('ip', '-n', self.name(host), *words)

    def __enter__(self):
        try:
            self.lay_cables()
            self.lay_routes()
            self.lay_vxlan()
            self.start_gateways()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in self.programs:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGTERM)
        for program in self.programs:
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
        for host in HOSTS:
            run('ip', 'netns', 'del', self.name(host), check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def lay_cables(self):
        for host in HOSTS:
            run('ip', 'netns', 'add', self.name(host))
            self.ip(host, 'link', 'set', 'lo', 'up')
            for what in ('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0',
                         'net.ipv4.conf.default.rp_filter=0', 'net.ipv6.conf.all.accept_dad=0',
                         'net.ipv6.conf.default.accept_dad=0'):
                self.inside(host, 'sysctl', '-qw', what)
        for a, b in zip(HOSTS, HOSTS[1:]):
            run('ip', 'link', 'add', 'to-' + b, 'netns', self.name(a), 'type', 'veth', 'peer', 'to-' + a, 'netns', self.name(b))
            self.ip(a, 'link', 'set', 'to-' + b, 'up')
            self.ip(b, 'link', 'set', 'to-' + a, 'up')

    def address(self, host, device, ip, bits):
        self.ip(host, 'addr', 'add', '%s/%d' % (ip, bits), 'dev', device, *(['nodad'] if ':' in ip else []))

    def lay_routes(self):
        """Addresses of all ways on the hosts, and the routed way between."""
        for site in (1, 2):
            host, gate = 'h%d' % site, 'g%d' % site
            for way in ('routed', 'vxlan', 'ours'):
                text, bits = net(self.inner, site, way)
                self.address(host, 'to-' + gate, text % 2, bits)
                self.address(gate, 'to-' + host, text % 1, bits)
        for family in {self.inner, self.outer}:
            self.address('g1', 'to-g2', outer(family, 1), 24 if family == 4 else 64)
            self.address('g2', 'to-g1', outer(family, 2), 24 if family == 4 else 64)
        for site, other in ((1, 2), (2, 1)):
            for way in ('routed', 'vxlan'):
                text, bits = net(self.inner, other, way)
                mine = net(self.inner, site, way)[0]
                self.ip('h%d' % site, 'route', 'add', '%s/%d' % (text % 0, bits), 'via', mine % 1, 'src', mine % 2)
            text, bits = net(self.inner, other, 'routed')
            self.ip('g%d' % site, 'route', 'add', '%s/%d' % (text % 0, bits), 'via', outer(self.inner, other))

    def lay_vxlan(self):
        link = '172.31.0.%d' if self.inner == 4 else 'fd00:ff::%d'
        for site, other in ((1, 2), (2, 1)):
            gate = 'g%d' % site
            self.ip(gate, 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '7', 'dstport', '4789',
                    'local', outer(self.outer, site), 'remote', outer(self.outer, other), 'dev', 'to-g%d' % other)
            self.ip(gate, 'link', 'set', 'vx0', 'up')
            self.address(gate, 'vx0', link % site, 24 if self.inner == 4 else 64)
        for site, other in ((1, 2), (2, 1)):
            text, bits = net(self.inner, other, 'vxlan')
            self.ip('g%d' % site, 'route', 'add', '%s/%d' % (text % 0, bits), 'via', link % other)

    def encoded(self, site):
        """The address under which the host of the other site is seen at this one."""
        return ('10.240.8.%d' if self.inner == 4 else 'fd00:240::8:%d') % (20 + site)

    def start_gateways(self):
        for site, other in ((1, 2), (2, 1)):
            gate, host = 'g%d' % site, 'h%d' % site
            mine = net(self.inner, site, 'ours')[0]
            folder = os.path.join(self.work, gate)
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, 'hosts'), 'w', encoding='utf-8') as f:
                f.write('%s h #= pub %s + %d\n' % (mine % 2, outer(self.outer, site), 1000 + site))
                f.write('%s o #= ext %s + %d\n' % (self.encoded(site), outer(self.outer, other), 1000 + other))
            self.gateway(site, folder, *self.options)
            self.ip(host, 'route', 'add', self.encode_net, 'via', mine % 1, 'src', mine % 2)

    def gateway(self, site, folder, *options):
        gate = 'g%d' % site
        log = open(os.path.join(folder, 'log'), 'w', encoding='utf-8')
        self.gateways[site] = self.start(
            gate, os.path.join(self.bin, 'ipref-gw'), '-gateway', outer(self.outer, site), '-encode-net', self.encode_net,
            '-data', folder, '-hosts', os.path.join(folder, 'hosts'), '-mapper-socket', self.mapper(site),
            *options, stdout=log, stderr=subprocess.STDOUT)
        self.wait(lambda: os.path.exists(self.mapper(site)), 'ipref-gw on ' + gate, log.name)

    def mapper(self, site):
        return os.path.join(self.work, 'g%d' % site, 'mapper.sock')

    def wait(self, ready, what, log=None):
        end = time.monotonic() + WAIT
        while not ready():
            if time.monotonic() > end:
                raise RuntimeError('%s is not ready\n%s' % (what, open(log, encoding='utf-8').read() if log else ''))
            time.sleep(0.02)

    def target(self, way, site=2):
        """Where the host of `site` is reached from the other one."""
        return self.encoded(3 - site) if way == 'ours' else net(self.inner, site, way)[0] % 2

    def local(self, way, site=2):
        """The host's own address on that way."""
        return net(self.inner, site, way)[0] % 2

    def json(self, host, *words):
        return json.loads(self.inside(host, *words).stdout)
