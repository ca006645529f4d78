#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every suite of the project and adds up what passed.

usage: run.py [WORD]      only the suites whose name holds WORD

A suite is a program that closes with `N passed, N failed[, N skipped]`, a Catch2 program, or the demo. One line is printed a suite, and
the whole output of those that failed. Expects build/bin (release), build/asan/bin and build/tsan/bin to be there.
"""
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

THREADED = ('unit-gw', 'unit-mapping', 'unit-run', 'unit-resolver-workers')  # what has more than one thread; ./dev builds them with tsan
DEBIAN = '/usr/bin/python3'  # the one that has python3-dnspython
LIMIT = 1200  # seconds for one suite: one that hangs must not eat CI's time
PATIENCE = 60  # seconds for it to clean up when it is stopped
CLOSING = re.compile(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', re.M)
CATCH_ALL = re.compile(r'^All tests passed \(.* in (\d+) test cases?\)$', re.M)
CATCH_SOME = re.compile(r'^test cases: *\d+ (?:\| *(\d+) passed)? ?(?:\| *(\d+) failed)?', re.M)
DEMO = re.compile(r'^(\d+) of (\d+) worked\.$', re.M)
NO_DEMO = 'skipped: ./dev demo makes network namespaces, which needs root\n0 passed, 0 failed, 1 skipped'
TSAN = 'halt_on_error=1 suppressions=' + os.path.abspath('tests/tsan.supp')
ASAN = 'detect_stack_use_after_return=1:strict_string_checks=1'


def suites():
    """(name, command) of every suite, cheapest first."""
    python = sys.executable
    yield 'lint sizes', [python, 'tests/lint/sizes.py']
    yield 'lint format', [python, 'tests/lint/format.py']
    yield 'docs', [python, 'tests/docs/run.py']
    for tool in ('ref', 'packet'):
        for build, bin_dir in (('release', 'build/bin'), ('asan', 'build/asan/bin')):
            yield 'vectors %s %s' % (tool, build), ['%s/%s-vectors' % (bin_dir, tool), 'tests/vectors/%ss.jsonl' % tool]
    for build, bin_dir in (('release', 'build/bin'), ('asan', 'build/asan/bin')):
        server, gateway = bin_dir + '/ipref-coredns', bin_dir + '/ipref-gw'
        yield 'vectors corefiles ' + build, [DEBIAN, 'tests/vectors/recorded_corefiles.py', server, 'tests/vectors/corefiles.jsonl']
        yield 'vectors dns ' + build, [DEBIAN, 'tests/vectors/recorded_dns.py', server, 'tests/vectors/dns.jsonl', '--gw', gateway]
    for program in sorted(glob.glob('build/asan/bin/unit/*')):
        yield '%s asan' % os.path.basename(program), [program]
    yield 'mapper simulation asan', ['build/asan/bin/mapper-sim', '1', '200']
    for name in THREADED:
        yield '%s tsan' % name, ['build/tsan/bin/unit/' + name]
    for program in sorted(glob.glob('build/asan/bin/fuzz/fuzz-*')):
        corpus = 'tests/fuzz/corpus/' + os.path.basename(program)[len('fuzz-'):]
        yield os.path.basename(program) + ' corpus', [program, corpus]
    yield 'demo', ['./dev', 'demo'] if os.geteuid() == 0 else ['echo', NO_DEMO]
    yield 'packages', [python, 'tests/packaging/run.py']
    for build, bin_dir in (('release', 'build/bin'), ('asan', 'build/asan/bin')):
        yield 'e2e ' + build, [python, 'tests/e2e/run.py', '--bin', bin_dir]
    for word in ('restart_test', 'size_test'):
        yield 'e2e tsan ' + word, [python, 'tests/e2e/run.py', '--bin', 'build/tsan/bin', '--only', word]


def counts(output):
    """(passed, failed, skipped) by the program's own closing line, or None."""
    closing = CLOSING.findall(output)
    if closing:
        passed, failed, skipped = closing[-1]
        return int(passed), int(failed), int(skipped or 0)
    if match := DEMO.search(output):
        return int(match.group(1)), int(match.group(2)) - int(match.group(1)), 0
    if match := CATCH_ALL.search(output):
        return int(match.group(1)), 0, 0
    if match := CATCH_SOME.search(output):
        return int(match.group(1) or 0), int(match.group(2) or 0), 0
    return None


def run(command, scratch):
    """(output, exit status); None for a status where time ran out. Temporary files go to `scratch`."""
    env = dict(os.environ, TMPDIR=scratch, TSAN_OPTIONS=TSAN, ASAN_OPTIONS=ASAN, UBSAN_OPTIONS='print_stacktrace=1')
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    except OSError as e:
        return str(e), None
    try:
        return child.communicate(timeout=LIMIT)[0].decode(errors='replace'), child.returncode
    except subprocess.TimeoutExpired:
        return end(child).decode(errors='replace') + '\nstopped after %d seconds' % LIMIT, None
    except KeyboardInterrupt:
        end(child)
        raise


def end(child):
    """Asks it to end, and waits while it takes down its network namespaces; returns what it printed."""
    child.terminate()
    try:
        return child.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0]


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ''
    totals = [0, 0, 0]
    for name, command in suites():
        if word not in name:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix='ipref-test-') as scratch:
            os.chmod(scratch, 0o755)  # some programs run as another user in it
            output, status = run(command, scratch)
        got = counts(output) or (0, 0, 0)
        if status != 0 and got[1] == 0 or got[0] + got[1] + got[2] == 0:
            got = (got[0], got[1] + 1, got[2])  # it crashed, hung, or ran nothing
        if got[1]:
            print(output)
        print('%-40s %6d passed %4d failed%s  %.1f s' % (name, got[0], got[1], ' %4d skipped' % got[2] if got[2] else '',
                                                         time.monotonic() - start), flush=True)
        totals = [a + b for a, b in zip(totals, got)]
    print('%d passed, %d failed%s' % (totals[0], totals[1], ', %d skipped' % totals[2] if totals[2] else ''))
    return totals[1] != 0 or totals[0] == 0


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
