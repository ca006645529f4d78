#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Is every C++ file as clang-format leaves it? Names those that are not; closes with `N passed, N failed`."""
import subprocess
import sys


def main():
    listed = subprocess.run(['git', 'ls-files', '-z', '--', '*.cc', '*.h'], check=True, capture_output=True, text=True)
    names = [name for name in listed.stdout.split('\0') if name]
    bad = [name for name in names
           if subprocess.run(['clang-format', '--dry-run', '-Werror', name], capture_output=True, check=False).returncode]
    for name in bad:
        print('%s: not as clang-format leaves it; ./dev format mends it' % name)
    print('%d passed, %d failed' % (len(names) - len(bad), len(bad)))
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
