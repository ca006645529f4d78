#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of a release in build/dist: what is in the packages, whether it runs where nothing else is, whether the units are sound,
and whether the same commit gives the same bytes. Closes with `N passed, N failed`. Needs root."""
import contextlib
import functools
import glob
import http.server
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../docs'))
import blocks  # noqa: E402
import booted  # noqa: E402
import under_systemd  # noqa: E402

DIST = 'build/dist'
PROGRAMS = ('ipref-gw', 'ipref-dns-agent', 'ipref-coredns')
UNITS = {'ipref-gateway': 4.0, 'ipref-dns-agent': 2.5, 'ipref-coredns': 2.5}  # most exposure that systemd-analyze may find
TARBALL = r'ipref-linux-[a-z0-9]+\.tar\.gz'
INSTALL = ('dpkg', '--force-confmiss', '-i', '/var/ipref.deb')
WAIT = 15


def run(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    assert done.returncode == 0, '%s: exit %d\n%s' % (' '.join(words), done.returncode, done.stdout)
    return done.stdout


def only(pattern):
    found = [name for name in os.listdir(DIST) if re.fullmatch(pattern, name)]
    assert len(found) == 1, 'not one of %s: %s' % (pattern, found)
    return os.path.abspath(os.path.join(DIST, found[0]))


def make_network(name):
    """Loopback, with the address that the gateways have here."""
    run('ip', 'netns', 'add', name)
    for words in (['link', 'set', 'lo', 'up'], ['address', 'add', '203.0.113.5/32', 'dev', 'lo']):
        run('ip', '-n', name, *words)


@contextlib.contextmanager
def empty_root():
    """A folder with /dev, /proc and what a program writes to, in a network namespace of its own; (root, command prefix)."""
    root = tempfile.mkdtemp(prefix='ipref-root-')
    name = 'ipref-root-%d' % os.getpid()
    try:
        for folder in ('dev/net', 'proc', 'run', 'etc', 'var/lib', 'tmp'):
            os.makedirs(os.path.join(root, folder))
        for node in ('null', 'zero', 'urandom', 'random', 'net/tun'):
            info = os.stat('/dev/' + node)
            os.mknod(os.path.join(root, 'dev', node), info.st_mode, info.st_rdev)
        run('mount', '-t', 'proc', 'proc', root + '/proc')
        make_network(name)
        yield root, ['ip', 'netns', 'exec', name, 'chroot', root]
    finally:
        subprocess.run(['ip', 'netns', 'del', name], check=False, capture_output=True)
        subprocess.run(['umount', root + '/proc'], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)


class Skipped(Exception):
    """The test cannot be made here; the text says why."""


@contextlib.contextmanager
def files_of_this_machine():
    """This machine's files, where changes are kept apart and thrown away, and a network of its own; (root, the network's name)."""
    top = tempfile.mkdtemp(prefix='ipref-again-')
    root, name = top + '/root', 'ipref-again-%d' % os.getpid()
    try:
        run('mount', '-t', 'tmpfs', 'ipref', top)
        for folder in ('upper', 'work', 'root'):
            os.mkdir('%s/%s' % (top, folder))
        layers = 'lowerdir=/,upperdir=%s/upper,workdir=%s/work' % (top, top)
        if subprocess.run(['mount', '-t', 'overlay', 'ipref', '-o', layers, root], check=False, capture_output=True).returncode:
            raise Skipped('this kernel or container mounts no overlay of /')
        shutil.copy(only(r'ipref_.*\.deb'), root + '/var/ipref.deb')
        os.mknod(top + '/tun', 0o666 | stat.S_IFCHR, os.stat('/dev/net/tun').st_rdev)
        os.chmod(top + '/tun', 0o666)  # as udev has it; a container's own may be root's alone
        for slow in ('/var/lib/man-db/auto-update', '/etc/ipref'):  # the index of manuals; what an administrator has here
            subprocess.run(['rm', '-rf', root + slow], check=True)
        make_network(name)
        yield root, name
    finally:
        subprocess.run(['ip', 'netns', 'del', name], check=False, capture_output=True)
        subprocess.run(['umount', '-R', top], check=False, capture_output=True)
        os.rmdir(top)


@contextlib.contextmanager
def this_machine_again():
    """As above, with what programs need to run in it; (root, command prefix)."""
    with files_of_this_machine() as (root, name):
        run('mount', '-t', 'proc', 'proc', root + '/proc')
        run('mount', '-t', 'tmpfs', 'run', root + '/run')
        run('mount', '--bind', '--make-private', '/dev', root + '/dev')
        run('mount', '--bind', os.path.dirname(root) + '/tun', root + '/dev/net/tun')
        yield root, ['ip', 'netns', 'exec', name, 'chroot', root]


@contextlib.contextmanager
def this_machine_booted():
    """This machine's files under a systemd of their own, with the .deb installed and its two lines edited; (machine, root)."""
    with files_of_this_machine() as (root, name):
        try:
            with booted.booted(root, name) as machine:
                install_and_edit(root, machine.prefix)
                yield machine, root
        except booted.CannotBoot as why:
            raise Skipped(str(why)) from why


def install_and_edit(root, inside):
    assert 'put the gateway' in run(*inside, *INSTALL)
    edit_two_lines(root)


def edit_two_lines(root):
    edit(root + '/etc/ipref/gateway.env', '-gateway 0.0.0.0', '-gateway 203.0.113.5')
    edit(root + '/etc/ipref/Corefile', 'upstream 9.9.9.9', 'upstream 127.0.0.9')


@contextlib.contextmanager
def started(words, ready, log):
    """A program until the end of the block; `ready` is a word that it logs."""
    with open(log, 'w', encoding='utf-8') as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + WAIT
        while ready not in open(log, encoding='utf-8').read():
            assert process.poll() is None and time.monotonic() < end, 'no "%s":\n%s' % (ready, open(log, encoding='utf-8').read())
            time.sleep(0.02)
        yield process
        assert process.poll() is None, 'ended by itself:\n' + open(log, encoding='utf-8').read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT)


def serve(root, inside, where):
    """Starts the three programs of the folder `where` in a root, and asks the DNS server."""
    with open(root + '/etc/Corefile', 'w', encoding='utf-8') as f:
        f.write('. {\n    ipref {\n        upstream 127.0.0.1:5353\n    }\n    whoami\n    errors\n}\n')
    with open(root + '/etc/hosts', 'w', encoding='utf-8') as f:
        f.write('192.168.1.10 web #= pub 203.0.113.5 + 1025\n')
    gateway = [*inside, where + '/ipref-gw', '-gateway', '203.0.113.5']
    with started(gateway, 'START', root + '/tmp/gw.log'):
        with started([*inside, where + '/ipref-dns-agent'], 'connected', root + '/tmp/agent.log'):
            with started([*inside, where + '/ipref-coredns', '-conf', '/etc/Corefile', '-dns.port', '5300'], '.:5300',
                         root + '/tmp/dns.log'):
                said = run(*inside[:-2], 'dig', '@127.0.0.1', '-p', '5300', '+time=2', '+tries=3', 'x.example.', 'MX')
                assert 'status: NOERROR' in said, said
                status = run(*inside, where + '/ipref-gw', 'status')
                assert '203.0.113.5' in status, status


def tarball_runs_in_an_empty_root():
    with empty_root() as (root, inside):
        run('tar', '-xzf', only(TARBALL), '-C', root)
        for name in PROGRAMS:
            assert '0.' in run(*inside, '/' + name, '-version')
        serve(root, inside, '')


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def the_readme_installs():
    """The commands of the README's "Install", with a download folder on this machine."""
    [block] = blocks.marked('the_readme_installs')
    handler = functools.partial(Quiet, directory=DIST)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.makedirs(folder + '/sbin')
        script = re.sub(TARBALL, os.path.basename(only(TARBALL)), block.text())
        script = script.replace('RELEASE/', 'http://127.0.0.1:%d/' % server.server_port)
        run('sh', '-ec', script.replace('/usr/local/sbin/', folder + '/sbin/').replace('wget ', 'wget -q '), cwd=folder)
        server.shutdown()
        for name in PROGRAMS:
            assert '0.' in run(folder + '/sbin/' + name, '-version')
        links_lead_somewhere(folder)


def links_lead_somewhere(folder):
    """Of the README and the docs, wherever they have been unpacked."""
    found = 0
    for page in [folder + '/README.md', *glob.glob(folder + '/docs/*.md')]:
        for target in re.findall(r'\]\((?!https?:)([^)#]+)', open(page, encoding='utf-8').read()):
            found += 1
            there = os.path.join(os.path.dirname(page), target)
            assert os.path.exists(there), '%s leads to %s, which is not there' % (page, target)
    assert found > 10, found


def deb_has_everything_and_runs():
    with empty_root() as (root, inside):
        run('dpkg-deb', '-x', only(r'ipref_.*\.deb'), root)
        for path in ('etc/ipref/Corefile', 'etc/ipref/gateway.env', 'usr/lib/sysusers.d/ipref.conf',
                     'usr/share/bash-completion/completions/ipref-gw', 'usr/share/man/man5/ipref-corefile.5',
                     'usr/share/doc/ipref/wireshark/ipref.lua', 'usr/share/doc/ipref/monitoring/alerts.yaml',
                     *('usr/lib/systemd/system/%s.service' % unit for unit in UNITS),
                     *('usr/lib/systemd/system/ipref-%s.socket' % unit for unit in ('gateway', 'coredns')),
                     *('usr/share/man/man8/%s.8' % name for name in PROGRAMS)):
            assert os.path.exists(os.path.join(root, path)), path + ' is not in the package'
        links_lead_somewhere(root + '/usr/share/doc/ipref')
        serve(root, inside, '/usr/sbin')


def unit_command(root, unit):
    """What the unit's ExecStart runs, with the options of its environment file, as systemd takes them apart."""
    lines = [line.split('=', 1) for line in open('%s/usr/lib/systemd/system/%s.service' % (root, unit), encoding='utf-8') if '=' in line]
    setting = {key: value.strip() for key, value in reversed(lines)}
    environment = open(root + setting['EnvironmentFile'].lstrip('-'), encoding='utf-8')
    options = {key: value.strip().strip('"') for key, value in (line.split('=', 1) for line in environment if line[0].isalpha())}
    out = []
    for word in setting['ExecStart'].split():
        out += options[word[1:]].split() if word.startswith('$') else [word]
    return out


def unit_commands_run_as_installed():
    """Nothing edited: the gateway of a site that publishes nothing, an idle agent, the packaged Corefile."""
    with empty_root() as (root, inside):
        run('dpkg-deb', '-x', only(r'ipref_.*\.deb'), root)
        gateway, agent, dns = ([*inside, *unit_command(root, unit)] for unit in UNITS)
        os.makedirs(root + '/run/ipref')
        open(root + '/etc/hosts', 'w', encoding='utf-8').close()
        with started(gateway, 'START', root + '/tmp/gw.log'), started(agent, 'connected', root + '/tmp/agent.log'):
            with started(dns, '.:53', root + '/tmp/dns.log'):
                said = run(*inside[:-2], 'dig', '@127.0.0.1', '+time=8', '+tries=1', 'example.com.', 'A')
                assert 'status: SERVFAIL' in said, said  # there is no Internet
                run(*inside, '/usr/sbin/ipref-gw', 'status')


def as_unit(root, inside, unit):
    """The unit's command as its user, with its capabilities; what StateDirectory and RuntimeDirectory make is there."""
    lines = open('%s/usr/lib/systemd/system/%s.service' % (root, unit), encoding='utf-8').read()
    user, group = (re.search(r'^%s=(.*)$' % key, lines, re.M).group(1) for key in ('User', 'Group'))
    found = re.search(r'^AmbientCapabilities=(.+)$', lines, re.M)
    capabilities = ','.join('+' + name.lower().removeprefix('cap_') for name in found.group(1).split()) if found else '-all'
    return [*inside, 'setpriv', '--reuid=' + user, '--regid=' + group, '--init-groups', '--inh-caps=' + capabilities,
            '--ambient-caps=' + capabilities, *unit_command(root, unit)]


def edit(path, before, after):
    text = open(path, encoding='utf-8').read()
    assert before in text, '%s has no %s' % (path, before)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace(before, after))


def the_deb_installs_upgrades_and_is_purged():
    """As on a machine of its own: two lines are edited, and the programs run as the units' users."""
    with this_machine_again() as (root, inside):
        install_and_edit(root, inside)
        run(*inside, 'install', '-d', '-o', 'ipref', '-g', 'ipref', '/run/ipref', '/var/lib/ipref')
        gateway, agent, dns = (as_unit(root, inside, unit) for unit in UNITS)
        with started(gateway, 'START', root + '/run/gw.log'), started(agent, 'connected', root + '/run/agent.log'):
            with started(dns, '.:53', root + '/run/dns.log'):
                said = run(*inside, 'dig', '@127.0.0.1', '+time=8', '+tries=1', 'example.com.', 'A')
                assert 'status: SERVFAIL' in said, said  # there is no Internet
                assert '203.0.113.5' in run(*inside, 'ipref-gw', 'status')
        run(*inside, *INSTALL)
        assert '203.0.113.5' in open(root + '/etc/ipref/gateway.env', encoding='utf-8').read(), 'the upgrade lost an edited line'
        run(*inside, 'dpkg', '-r', 'ipref')
        assert os.path.exists(root + '/etc/ipref/gateway.env') and os.path.exists(root + '/var/lib/ipref/mapper.lmdb')
        run(*inside, 'dpkg', '-P', 'ipref')
        assert not os.path.exists(root + '/etc/ipref') and not os.path.exists(root + '/var/lib/ipref'), 'purged, something is left'


def it_works_under_systemd():
    with this_machine_booted() as (machine, root):
        under_systemd.check(machine, list(UNITS))
        machine.run('systemctl', 'enable', '--now', 'ipref-coredns.socket', *UNITS)
        machine.run('dpkg', '-P', 'ipref')
        left = machine.run('sh', '-c', 'find /etc/systemd -name "ipref-*.s*"; systemctl list-units --plain --no-legend "ipref-*.s*"')
        assert not left, 'the package is gone, and this is left: ' + left
        the_tarball_starts_at_boot(machine, root)


def the_tarball_starts_at_boot(machine, root):
    """As docs/SETUP.md says, where no package has been."""
    [block] = blocks.marked('the_tarball_starts_at_boot')
    os.mkdir(root + '/srv/unpacked')
    run('tar', '-xzf', only(TARBALL), '-C', root + '/srv/unpacked')
    run('install', '-D', '-t', root + '/usr/local/sbin', *('%s/srv/unpacked/%s' % (root, name) for name in PROGRAMS))
    machine.run('sh', '-ec', 'cd /srv/unpacked\n' + block.text())
    edit_two_lines(root)
    machine.run('systemctl', 'enable', '--now', *UNITS)
    assert '203.0.113.5' in machine.run('ipref-gw', 'status')
    for unit in UNITS:
        assert '/usr/local/sbin/' in machine.property(unit, 'ExecStart')
        assert machine.run('systemctl', 'is-enabled', unit).strip() == 'enabled', unit
    machine.run('systemctl', 'stop', *UNITS)


def deb_keeps_configuration():
    with tempfile.TemporaryDirectory() as folder:
        run('dpkg-deb', '-e', only(r'ipref_.*\.deb'), folder)
        kept = open(folder + '/conffiles', encoding='utf-8').read().split()
    assert set(kept) == {'/etc/ipref/' + name for name in ('Corefile', 'gateway.env', 'dns-agent.env', 'coredns.env')}, kept
    assert set(run('rpm', '-qpc', only(r'ipref-.*\.rpm')).split()) == set(kept)


def packaged_corefile_is_good():
    run('build/static/bin/ipref-coredns', '-conf', 'packaging/coredns/Corefile', '-validate')


def units_are_sound():
    """With programs and man pages where the units expect them."""
    with tempfile.TemporaryDirectory() as root:
        run('dpkg-deb', '-x', only(r'ipref_.*\.deb'), root)
        for unit, most in UNITS.items():
            path = '%s/usr/lib/systemd/system/%s.service' % (root, unit)
            said = run('systemd-analyze', 'security', '--offline=true', path)
            exposure = float(re.search(r'exposure level for .*: ([\d.]+)', said).group(1))
            assert exposure <= most, '%s: %.1f\n%s' % (unit, exposure, said)
            text = open(path, encoding='utf-8').read().replace('/usr/sbin/', root + '/usr/sbin/')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            said = run('systemd-analyze', 'verify', '--man=no', path)
            assert not said.strip(), said


def manuals_format():
    with tempfile.TemporaryDirectory() as root:
        run('dpkg-deb', '-x', only(r'ipref_.*\.deb'), root)
        for section in (1, 5, 8):
            folder = '%s/usr/share/man/man%d' % (root, section)
            for page in os.listdir(folder):
                said = run('groff', '-man', '-Tutf8', '-ww', '-z', os.path.join(folder, page))
                assert not said, '%s: %s' % (page, said)


def completions_complete():
    """In bash and fish what is asked for comes; zsh can read its own."""
    with tempfile.TemporaryDirectory() as root:
        run('dpkg-deb', '-x', only(r'ipref_.*\.deb'), root)
        share = root + '/usr/share/'
        for name, begun, whole in (('ipref-gw', '-gateway-p', '-gateway-port'), ('ipref-gw', 'stat', 'status'),
                                   ('ipref-dns-agent', '-sour', '-sources'), ('ipref-coredns', '-vali', '-validate')):
            bash = ('source "$0"; COMP_WORDS=("$1" "$2"); COMP_CWORD=1; set -- $(complete -p "$1"); '
                    'for word; do [ "$last" != -F ] || $word; last=$word; done; echo "${COMPREPLY[@]}"')
            said = run('bash', '-c', bash, share + 'bash-completion/completions/' + name, name, begun)
            assert whole in said.split(), 'bash: %s %s: %s' % (name, begun, said)
            fish = 'source %sfish/vendor_completions.d/%s.fish; complete -C "%s %s"' % (share, name, name, begun)
            said = run('fish', '--no-config', '-c', fish)
            assert whole in re.split(r'\s', said), 'fish: %s %s: %s' % (name, begun, said)
            said = run('zsh', '-n', '%szsh/vendor-completions/_%s' % (share, name))
            assert not said, said


def nothing_dynamic():
    for name in PROGRAMS:
        said = run('readelf', '-d', 'build/static/bin/' + name)
        assert '(NEEDED)' not in said, said


def no_path_of_the_build():
    """Two builds in different folders have the same bytes: nothing in them says where they were made."""
    here = os.getcwd().encode()
    for folder in ('build/static/bin', 'build/static/stripped'):
        for name in PROGRAMS:
            with open('%s/%s' % (folder, name), 'rb') as f:
                assert here not in f.read(), '%s/%s has the path %s' % (folder, name, here.decode())


def the_same_again():
    before = open(DIST + '/SHA256SUMS', encoding='ascii').read()
    run(sys.executable, 'packaging/release.py')
    assert open(DIST + '/SHA256SUMS', encoding='ascii').read() == before, 'packed twice, the release differs'
    run('sha256sum', '--check', '--quiet', 'SHA256SUMS', cwd=DIST)


TESTS = (tarball_runs_in_an_empty_root, the_readme_installs, deb_has_everything_and_runs, unit_commands_run_as_installed,
         the_deb_installs_upgrades_and_is_purged, it_works_under_systemd, deb_keeps_configuration,
         packaged_corefile_is_good, units_are_sound, manuals_format, completions_complete, nothing_dynamic,
         no_path_of_the_build, the_same_again)


def main():
    if os.geteuid() != 0:
        print('skipped: needs root, for a root and a network of its own\n0 passed, 0 failed, %d skipped' % len(TESTS))
        return 0
    failed = skipped = 0
    for test in TESTS:
        what = test.__name__.replace('_', ' ')
        try:
            test()
            print('ok     ' + what)
        except Skipped as why:
            skipped += 1
            print('skipped %s: %s' % (what, why))
        except (AssertionError, OSError, subprocess.SubprocessError) as e:
            failed += 1
            print('FAILED %s\n    %s' % (what, str(e).replace('\n', '\n    ')))
    passed = len(TESTS) - failed - skipped
    print('%d passed, %d failed%s' % (passed, failed, ', %d skipped' % skipped if skipped else ''))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
