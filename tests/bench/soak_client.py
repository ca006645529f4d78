#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a DNS server so many questions a second and compares every answer with the right one.

usage: soak_client.py ADDRESS RATE

Runs until its standard input ends. Prints a line of JSON for every answer that is not right (`at`: monotonic seconds, `name`,
`what`), one every ten seconds and one at the end with `counts`. What is right follows from the name: hN.bench.test and
hN.held.test by their number, wN.any.test and wN.kept.test are 192.0.2.1, names under known.test and new.test are addresses
that stay the same for ever and are nobody else's."""
import json
import random
import select
import socket
import struct
import sys
import time

SOCKETS = 64
PATIENCE = 2.5  # seconds until an answer must be there
SERVFAIL = 2


def question(number, name):
    wire = b''.join(bytes([len(label)]) + label for label in name.encode().split(b'.')) + b'\0'
    return struct.pack('>HHHHHH', number, 0x100, 1, 0, 0, 0) + wire + struct.pack('>HH', 1, 1)


def past_name(message, at):
    while True:
        length = message[at]
        if length >= 0xc0:
            return at + 2
        at += 1 + length
        if length == 0:
            return at


def answer(message):
    """(rcode, addresses of its A records)."""
    flags, questions, answers = struct.unpack('>HHH', message[2:8])
    at, found = 12, []
    for _ in range(questions):
        at = past_name(message, at) + 4
    for _ in range(answers):
        at = past_name(message, at)
        kind, size = struct.unpack('>H6xH', message[at:at + 10])
        if kind == 1:
            found.append(socket.inet_ntoa(message[at + 10:at + 14]))
        at += 10 + size
    return flags & 15, found


class Client:
    def __init__(self, address, rate):
        self.address, self.rate = address, rate
        self.chosen, self.next_new = random.Random(5), 0
        self.sockets = [self.opened() for _ in range(SOCKETS)]
        self.poll = select.epoll()
        for one in self.sockets:
            self.poll.register(one.fileno(), select.EPOLLIN)
        self.by_fd = {one.fileno(): one for one in self.sockets}
        self.waiting = {}  # (fd, id) -> (name, deadline), oldest first
        self.mapped, self.owners = {}, {}
        self.counts = dict.fromkeys(('asked', 'right', 'wrong', 'failed', 'late'), 0)
        self.slowest = 0.0

    def opened(self):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        one.connect((self.address, 53))
        return one

    def name(self):
        kind = self.chosen.choice(('h%d.bench.test', 'h%d.held.test', 'w%d.any.test', 'w%d.kept.test', 'h%d.known.test', 'n%d.new.test'))
        if kind.startswith('n'):
            self.next_new += 1
            return kind % self.next_new
        return kind % self.chosen.randrange(1000 if 'kept' in kind or 'held' in kind else 10_000)

    def ask(self, now):
        fd = self.chosen.choice(self.sockets).fileno()
        number, name = self.chosen.randrange(65536), self.name()
        if (fd, number) in self.waiting:
            return
        self.waiting[(fd, number)] = (name, now + PATIENCE)
        self.counts['asked'] += 1
        try:
            self.by_fd[fd].send(question(number, name))
        except ConnectionRefusedError:
            self.say(name, 'nobody listens')

    def take(self, fd):
        while True:
            try:
                message = self.by_fd[fd].recv(4096)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            asked = self.waiting.pop((fd, struct.unpack('>H', message[:2])[0]), None)
            if asked:
                self.slowest = max(self.slowest, time.monotonic() - asked[1] + PATIENCE)
                self.compare(asked[0], *answer(message))

    def compare(self, name, rcode, found):
        if rcode == SERVFAIL:
            self.counts['failed'] += 1
            self.say(name, 'SERVFAIL')
        elif rcode != 0 or not self.right(name, found):
            self.counts['wrong'] += 1
            self.say(name, 'rcode %d, %s' % (rcode, ' '.join(found) or 'no address'))
        else:
            self.counts['right'] += 1

    def right(self, name, found):
        label, zone, _ = name.split('.')
        if zone in ('any', 'kept'):
            return found == ['192.0.2.1']
        if zone in ('bench', 'held'):
            number = int(label[1:])
            return found == ['10.%d.%d.%d' % (number >> 16 & 255, number >> 8 & 255, number & 255)]
        if len(found) != 1 or self.owners.setdefault(found[0], name) != name:
            return False
        return zone == 'new' or self.mapped.setdefault(name, found[0]) == found[0]

    def expire(self, now):
        while self.waiting:
            key = next(iter(self.waiting))
            name, deadline = self.waiting[key]
            if deadline > now:
                return
            del self.waiting[key]
            self.counts['late'] += 1
            self.say(name, 'no answer in %g s' % PATIENCE)

    def say(self, name, what):
        print(json.dumps(dict(at=time.monotonic(), name=name, what=what)), flush=True)

    def report(self):
        print(json.dumps(dict(counts=self.counts, slowest=round(self.slowest, 3))), flush=True)

    def run(self):
        self.poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        due = told = time.monotonic()
        ending = False
        while not ending or self.waiting:
            now = time.monotonic()
            while due <= now and not ending:
                self.ask(now)
                due += 1 / self.rate
            for fd, _ in self.poll.poll(max(0.0, due - now) if not ending else 0.1):
                if fd == sys.stdin.fileno():
                    ending = True
                    self.poll.unregister(fd)
                else:
                    self.take(fd)
            self.expire(time.monotonic())
            if now - told > 10:
                told = now
                self.report()
        self.report()


if __name__ == '__main__':
    Client(sys.argv[1], float(sys.argv[2])).run()
