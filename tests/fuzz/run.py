#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fuzzer for so many seconds, each from its seeds; finds go to build/fuzz/finds.

usage: run.py DIRECTORY [SECONDS] [WORD]     DIRECTORY holds the fuzz-* programs; WORD picks by name
"""
import glob
import os
import subprocess
import sys


def fuzz(program, seconds):
    name = os.path.basename(program)[len('fuzz-'):]
    seeds, work, finds = 'tests/fuzz/corpus/' + name, 'build/fuzz/corpus/' + name, 'build/fuzz/finds/' + name
    for folder in (work, finds):
        os.makedirs(folder, exist_ok=True)
    return subprocess.run([program, '-max_total_time=%d' % seconds, '-print_final_stats=1', '-verbosity=0', '-timeout=10',
                           '-rss_limit_mb=2048', '-artifact_prefix=%s/' % finds, work, seeds], check=False).returncode


def main():
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    word = sys.argv[3] if len(sys.argv) > 3 else ''
    programs = [p for p in sorted(glob.glob(sys.argv[1] + '/fuzz-*')) if word in p]
    failed = 0
    for program in programs:
        print('== %s, %d s' % (os.path.basename(program), seconds), flush=True)
        if fuzz(program, seconds):
            failed += 1
            print('%s found something: see build/fuzz/finds' % program)
    print('%d passed, %d failed' % (len(programs) - failed, failed))
    return failed != 0 or not programs


if __name__ == '__main__':
    sys.exit(main())
