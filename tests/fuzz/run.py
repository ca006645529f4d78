#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulation of the mapper with 10,000 seeds, and every fuzzer for so many seconds, each from its seeds; finds go to
build/fuzz/finds.

usage: run.py DIRECTORY [SECONDS] [WORD]     DIRECTORY holds the fuzz-* programs; WORD picks by name
"""
import glob
import os
import random
import subprocess
import sys


def fuzz(program, seconds):
    name = os.path.basename(program)[len('fuzz-'):]
    seeds, work, finds = 'tests/fuzz/corpus/' + name, 'build/fuzz/corpus/' + name, 'build/fuzz/finds/' + name
    for folder in (work, finds):
        os.makedirs(folder, exist_ok=True)
    return subprocess.run([program, '-max_total_time=%d' % seconds, '-print_final_stats=1', '-verbosity=0', '-timeout=10',
                           '-rss_limit_mb=2048', '-artifact_prefix=%s/' % finds, work, seeds], check=False).returncode


def simulate(program, seeds=10_000):
    first = random.randrange(1 << 48)
    print('== %s, %d seeds from %d on' % (os.path.basename(program), seeds, first), flush=True)
    return subprocess.run([program, str(first), str(seeds)], check=False).returncode


def main():
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    word = sys.argv[3] if len(sys.argv) > 3 else ''
    programs = [p for p in sorted(glob.glob(sys.argv[1] + '/fuzz-*')) if word in p]
    simulation = os.path.join(os.path.dirname(sys.argv[1]), 'mapper-sim')
    simulated = word in simulation
    failed = 1 if simulated and simulate(simulation) else 0
    for program in programs:
        print('== %s, %d s' % (os.path.basename(program), seconds), flush=True)
        if fuzz(program, seconds):
            failed += 1
            print('%s found something: see build/fuzz/finds' % program)
    ran = len(programs) + simulated
    print('%d passed, %d failed' % (ran - failed, failed))
    return failed != 0 or not ran


if __name__ == '__main__':
    sys.exit(main())
