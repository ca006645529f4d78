# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with systemd as its first process: a root that has been made, booted in a container by systemd-nspawn."""
import contextlib
import os
import socket
import subprocess
import time
import uuid

WAIT = 60  # seconds that a boot, or what systemd is to do, may take
TARGET = 'ipref-test.target'


class CannotBoot(Exception):
    """The text says why not."""


class Machine:
    """What is done in it, from its first process's namespaces."""

    def __init__(self, leader):
        self.prefix = ['nsenter', '-t', str(leader), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w']

    def run(self, *words, status=0):
        done = subprocess.run([*self.prefix, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == status, '%s: exit %d\n%s' % (' '.join(words), done.returncode, done.stdout)
        return done.stdout

    def property(self, unit, name):
        return self.run('systemctl', 'show', '-P', name, unit).strip()

    def journal(self, unit):
        self.run('journalctl', '--sync')
        return self.run('journalctl', '--no-pager', '-o', 'cat', '-u', unit)

    def until(self, holds, what):
        end = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < end, 'waited %d s in vain: %s' % (WAIT, what)
            time.sleep(0.05)


def _prepare(root):
    """Nothing of the lower layer's own services is started; a machine of its own, that has been booted before."""
    with open(root + '/etc/machine-id', 'w', encoding='ascii') as f:
        f.write(uuid.uuid4().hex + '\n')
    with open('%s/etc/systemd/system/%s' % (root, TARGET), 'w', encoding='utf-8') as f:
        f.write('[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nAllowIsolate=yes\n')


@contextlib.contextmanager
def booted(root, network):
    """`network`: name of a network namespace that it lives in; its TUN device is the node `tun` beside the root. Its end is a
    SIGKILL of all of it."""
    _prepare(root)
    notify = os.path.join(os.path.dirname(root), 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said, open(root + '.log', 'w', encoding='utf-8') as log:
        said.bind(notify)
        said.settimeout(1)
        process = subprocess.Popen(
            ['systemd-nspawn', '-q', '-b', '-D', root, '--register=no', '--keep-unit', '--link-journal=no', '--console=pipe',
             '--network-namespace-path=/run/netns/' + network, '--capability=CAP_NET_ADMIN', '--bind=%s/tun:/dev/net/tun' % os.path.dirname(root),
             '--notify-ready=yes', '--', '--unit=' + TARGET],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ, NOTIFY_SOCKET=notify))
        try:
            yield Machine(_leader(said, process, root + '.log'))
        finally:
            process.kill()
            process.wait()


def _leader(said, process, log):
    """Its first process's id here, once it has booted."""
    leader = None
    for _ in range(WAIT):
        with contextlib.suppress(TimeoutError):
            while True:
                fields = dict(line.split('=', 1) for line in said.recv(4096).decode().splitlines() if '=' in line)
                leader = fields.get('X_NSPAWN_LEADER_PID', leader)
                if fields.get('READY') == '1' and leader:
                    return leader
        if process.poll() is not None:
            break
    with open(log, encoding='utf-8', errors='replace') as f:
        raise CannotBoot('systemd does not boot in a container here:\n' + f.read()[-1500:])
