# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks that have targets share: their command line, how they end when stopped, the list of targets, JSON."""
import argparse
import json
import os
import signal
import sys


def interrupted(*_):
    raise KeyboardInterrupt  # programs and networks are taken down on the way out


def run(main):
    """Calls main(); what has been started is taken down when somebody stops it."""
    signal.signal(signal.SIGTERM, interrupted)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)


def command_line(description, parts, quick):
    """A parser with the options of all of them; `quick` says what --quick does."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('part', nargs='*', help='of %s; default: all' % ', '.join(parts))
    parser.add_argument('--bin', default='build/bin')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=int, default=3, help='of each run')
    parser.add_argument('--quick', action='store_true', help=quick)
    parser.add_argument('--json', metavar='FILE')
    return parser


def parsed(parser, parts):
    """The arguments, which name known parts; ends the program if it is not root's."""
    arguments = parser.parse_args()
    if unknown := set(arguments.part) - set(parts):
        parser.error('no such part: %s' % ', '.join(unknown))
    if os.geteuid() != 0:
        sys.exit('bench: needs root, to make network namespaces')
    return arguments


def show(targets):
    """`targets`: [(what, value, limit, whether it is met)]"""
    print('\n%-60s %9s  %-12s' % ('target', 'measured', 'wanted'))
    for what, value, limit, met in targets:
        print('%-60s %9.2f  %-12s %s' % (what, value, limit, 'met' if met else 'NOT MET'))


def write_json(path, seconds, results, targets):
    rows = [dict(what=what, value=value, wanted=limit, met=bool(met)) for what, value, limit, met in targets]
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({'schema': 'ipref.bench/1', 'seconds': seconds, 'results': results, 'targets': rows}, f, indent=1)
