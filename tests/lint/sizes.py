#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""House rules that a machine can check: files up to 600 lines, functions up to 70, lines up to 100, a license line
in every source file. Prints each breach as FILE:LINE and closes with `N passed, N failed` (a file is a case)."""
import re
import subprocess
import sys

FILE_LINES, FUNCTION_LINES, LINE_LENGTH = 600, 70, 100
LICENSE = 'SPDX-License-Identifier: GPL-2.0-or-later'
# A line in the first column (or inside a class, one indent further) that opens a body and is no type or namespace.
OPENS = re.compile(r'^(?P<indent> {0,4})(?!namespace|class|struct|enum|union|extern|if|for|while|switch|do|else|try|case)'
                   r'[A-Za-z_~\[:][^;=]*\)[^;=]*\{$')


def tracked(*patterns):
    out = subprocess.run(['git', 'ls-files', '-z', '--', *patterns], check=True, capture_output=True, text=True)
    return [name for name in out.stdout.split('\0') if name]


def functions(lines):
    """(first line number, length) of each function body, told by the brace that closes at the opening's indent."""
    start = indent = None
    for number, line in enumerate(lines, 1):
        if start is None:
            match = OPENS.match(line)
            if match:
                start, indent = number, match.group('indent')
        elif line.startswith(indent + '}'):
            yield start, number - start + 1
            start = None


def breaches(name):
    with open(name, encoding='utf-8') as f:
        lines = f.read().splitlines()
    if LICENSE not in '\n'.join(lines[:3]):
        yield 1, 'no license line'
    if len(lines) > FILE_LINES:
        yield len(lines), '%d lines, more than %d' % (len(lines), FILE_LINES)
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH and not name.endswith('.py'):
            yield number, '%d characters, more than %d' % (len(line), LINE_LENGTH)
    if name.endswith(('.cc', '.h')):
        for number, length in functions(lines):
            if length > FUNCTION_LINES:
                yield number, 'a function of %d lines, more than %d' % (length, FUNCTION_LINES)


def main():
    failed = 0
    names = tracked('*.cc', '*.h', '*.py', '*.sh', '*.proto', 'dev')
    for name in names:
        found = list(breaches(name))
        failed += bool(found)
        for number, what in found:
            print('%s:%d: %s' % (name, number, what))
    print('%d passed, %d failed' % (len(names) - failed, failed))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
