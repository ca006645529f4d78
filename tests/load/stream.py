#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP stream of which every byte counts: both ends print the SHA-256 of what they have sent or received.

usage: stream.py send ADDR PORT MEGABYTES SEED
       stream.py receive ADDR PORT          prints "ready" when it listens"""
import hashlib
import random
import socket
import sys

BLOCK = 1 << 20
MARK = 1 << 13  # each so many bytes begin with a number of their own


def blocks(megabytes, seed):
    """Noise, of which no 8 KB are alike."""
    block = bytearray(random.Random(seed).randbytes(BLOCK))
    for number in range(megabytes):
        for at in range(0, BLOCK, MARK):
            block[at:at + 8] = (number * BLOCK + at).to_bytes(8, 'big')
        yield block


def send(address, megabytes, seed):
    digest = hashlib.sha256()
    with socket.create_connection(address) as connection:
        for block in blocks(megabytes, seed):
            connection.sendall(block)
            digest.update(block)
    print(digest.hexdigest(), megabytes * BLOCK)


def receive(address):
    family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    with socket.create_server(address, family=family) as listener:
        print('ready', flush=True)
        connection, _ = listener.accept()
    digest, size, space = hashlib.sha256(), 0, bytearray(BLOCK)
    while got := connection.recv_into(space):
        digest.update(memoryview(space)[:got])
        size += got
    print(digest.hexdigest(), size)


if __name__ == '__main__':
    where = (sys.argv[2], int(sys.argv[3]))
    if sys.argv[1] == 'send':
        send(where, int(sys.argv[4]), int(sys.argv[5]))
    else:
        receive(where)
