#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions per packet of the micro-benchmarks, counted by valgrind: a run with few rounds is subtracted from one with more.

usage: instructions.py BENCHMARK_PROGRAM..."""
import os
import re
import subprocess
import sys

FEW, MANY = 1000, 3000


def counted(program, name, rounds):
    done = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', program,
                           '--benchmark_filter=^%s$' % re.escape(name)], capture_output=True, text=True, check=True,
                          env=dict(os.environ, IPREF_BENCH_ITERATIONS=str(rounds)))
    return int(re.search(r'Collected : (\d+)', done.stderr).group(1))


def names(program):
    listed = subprocess.run([program, '--benchmark_list_tests=true'], capture_output=True, text=True, check=True,
                            env=dict(os.environ, IPREF_BENCH_ITERATIONS='1'))
    return [(line, line.removesuffix('/iterations:1')) for line in listed.stdout.splitlines()]


def main():
    print('%-48s %14s' % ('', 'instructions'))
    for program in sys.argv[1:]:
        for listed, name in names(program):
            if listed.endswith('1000000/iterations:1'):
                continue  # as many as with 1,000, and valgrind would take minutes to make the mappings
            few, many = (counted(program, '%s/iterations:%d' % (name, rounds), rounds) for rounds in (FEW, MANY))
            match = re.search('segments:(\\d+)|/(44|64)/', name) if 'offload' in program else None
            packets = int(match.group(1) or match.group(2)) if match else 1
            print('%-48s %14.0f%s' % (name, (many - few) / (MANY - FEW) / packets, ' a segment' if match else ''), flush=True)


if __name__ == '__main__':
    main()
