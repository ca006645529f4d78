# SPDX-License-Identifier: GPL-2.0-or-later
"""The units on a machine with systemd, where the .deb is installed and its two lines are edited: `systemctl start`, and what
happens to services afterwards."""


def check(machine, units):
    machine.run('systemctl', 'start', *units)
    assert machine.run('systemctl', 'is-active', *units).split() == ['active'] * 3
    said = machine.run('dig', '@127.0.0.1', '+time=8', '+tries=1', 'example.com.', 'A')
    assert 'status: SERVFAIL' in said, said  # there is no Internet
    assert '203.0.113.5' in machine.run('ipref-gw', 'status')
    assert machine.property('ipref-gateway', 'StatusText').startswith('gateway 203.0.113.5 on 203.0.113.5:1045')
    machine.run('systemctl', 'reload', *units)
    a_restart_keeps_the_interface(machine)
    what_dies_is_started_again(machine, units)
    what_hangs_is_killed(machine, units)
    an_address_may_come_late(machine)
    a_wrong_option_is_not_tried_again(machine)
    the_dns_server_signs_a_zone(machine)
    sockets_start_the_dns_server(machine)
    machine.run('systemctl', 'stop', 'ipref-coredns.socket', *units)
    results = {unit: machine.property(unit, 'Result') for unit in units}
    assert set(results.values()) == {'success'}, results


def interface(machine):
    """Its number: another one if it has been made again."""
    return machine.run('ip', '-o', 'link', 'show', 'tun0').split(':')[0]


def a_restart_keeps_the_interface(machine):
    before = interface(machine), machine.property('ipref-gateway', 'MainPID')
    machine.run('systemctl', 'restart', 'ipref-gateway')
    after = interface(machine), machine.property('ipref-gateway', 'MainPID')
    assert after[0] == before[0] and after[1] != before[1], (before, after)


def what_dies_is_started_again(machine, units):
    for unit in units:
        before = machine.property(unit, 'MainPID')
        machine.run('systemctl', 'kill', '--kill-who=main', '-s', 'KILL', unit)
        runs_again(machine, unit, before)


def what_hangs_is_killed(machine, units):
    """The units' 30 seconds are made five for it."""
    for unit in units:
        machine.run('mkdir', '-p', '/run/systemd/system/%s.service.d' % unit)
        machine.run('sh', '-c', 'printf "[Service]\\nWatchdogSec=5\\n" > /run/systemd/system/%s.service.d/watchdog.conf' % unit)
    machine.run('systemctl', 'daemon-reload')
    machine.run('systemctl', 'restart', *units)
    before = {unit: machine.property(unit, 'MainPID') for unit in units}
    machine.run('systemctl', 'kill', '--kill-who=main', '-s', 'STOP', *units)
    for unit in units:
        runs_again(machine, unit, before[unit])
        assert 'Watchdog timeout' in machine.journal(unit), machine.journal(unit)
        machine.run('rm', '-r', '/run/systemd/system/%s.service.d' % unit)
    machine.run('systemctl', 'daemon-reload')
    machine.run('systemctl', 'restart', *units)


def runs_again(machine, unit, before):
    """By itself, as another process than `before`."""
    machine.until(lambda: machine.property(unit, 'MainPID') not in (before, '0')
                  and machine.property(unit, 'ActiveState') == 'active', unit + ' runs again')
    assert machine.property(unit, 'NRestarts') != '0', unit


def an_address_may_come_late(machine):
    """More starts fail than systemd allows by default."""
    machine.run('systemctl', 'stop', 'ipref-gateway')  # and its sockets are gone
    machine.run('ip', 'address', 'del', '203.0.113.5/32', 'dev', 'lo')
    machine.run('systemctl', 'start', 'ipref-gateway', status=1)
    machine.until(lambda: int(machine.property('ipref-gateway', 'NRestarts')) > 5, 'it is tried again and again')
    assert 'no interface has this address' in machine.journal('ipref-gateway')
    machine.run('ip', 'address', 'add', '203.0.113.5/32', 'dev', 'lo')
    machine.until(lambda: machine.property('ipref-gateway', 'ActiveState') == 'active', 'it runs once the address is there')


def a_wrong_option_is_not_tried_again(machine):
    machine.run('sed', '-i', 's/-gateway /-gatway /', '/etc/ipref/gateway.env')
    machine.run('systemctl', 'restart', 'ipref-gateway', status=1)
    machine.until(lambda: machine.property('ipref-gateway', 'ActiveState') == 'failed', 'it is given up')
    assert 'did you mean -gateway?' in machine.journal('ipref-gateway')
    machine.run('sed', '-i', 's/-gatway /-gateway /', '/etc/ipref/gateway.env')
    machine.run('systemctl', 'restart', 'ipref-gateway')


def the_dns_server_signs_a_zone(machine):
    """Plugin sign as its README has it, to the directory that it writes to by default."""
    machine.run('sh', '-ec', """cd /etc/ipref
dnssec-keygen -q -a ECDSAP256SHA256 -f KSK test.example
chown ipref-coredns Ktest.example.*.private
printf '@ 60 IN SOA ns host 1 60 60 60 60\\n@ 60 IN NS ns\\nns 60 IN A 192.0.2.53\\n' > db.test.example
cat >> Corefile <<END
test.example {
    file /var/lib/coredns/db.test.example.signed
    sign db.test.example {
        key directory .
    }
}
END""")
    machine.run('systemctl', 'reload', 'ipref-coredns')
    ask = ('dig', '@127.0.0.1', '+time=2', '+tries=1', '+dnssec', 'ns.test.example.', 'A')
    machine.until(lambda: 'RRSIG' in machine.run(*ask), 'the signed zone is served\n' + machine.journal('ipref-coredns'))
    assert machine.run('stat', '-c', '%U', '/var/lib/coredns/db.test.example.signed').strip() == 'ipref-coredns'


def sockets_start_the_dns_server(machine):
    machine.run('systemctl', 'stop', 'ipref-coredns')
    machine.run('systemctl', 'start', 'ipref-coredns.socket')
    assert 'status: SERVFAIL' in machine.run('dig', '@127.0.0.1', '+time=8', '+tries=1', 'example.com.', 'A')
    assert machine.property('ipref-coredns', 'ActiveState') == 'active'
