#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Are README and docs true? Every block is run by a test or marked as the user's own (blocks.py has the marks); commands and
configurations are tried; options, links and log lines exist. Names what is not so; closes with `N passed, N failed`.

usage: run.py [--bin DIR]"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import blocks  # noqa: E402
import quotes  # noqa: E402

BIN = blocks.TOP / 'build/bin'
PROGRAMS = ('ipref-gw', 'ipref-dns-agent', 'ipref-coredns')
OPTION = re.compile(r'(?<![^\s\[(])-([a-z][a-z.-]+)')


def ran(words, folder):
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20)
    return '' if done.returncode == 0 else '%s: exit %d: %s' % (shlex.join(map(str, words)), done.returncode, done.stderr or done.stdout)


@cache
def usage(*words):
    return subprocess.run([BIN / words[0], *words[1:], '-h'], capture_output=True, text=True, check=False, timeout=20).stdout


@cache
def gateway_commands():
    return re.findall(r'^  ([a-z]+)  ', usage('ipref-gw').partition('commands,')[2], re.M)


def options_of(words):
    """What -h tells of a program, or of a command of the gateway's."""
    command = words[1:2] if words[0] == 'ipref-gw' and words[1:2] and words[1] in gateway_commands() else []
    return set(re.findall(r'^  -([a-z.-]+)', usage(words[0], *command), re.M)) | {'h', 'help'}


def every_option():
    return set.union(*(options_of([name]) for name in PROGRAMS), *(options_of(['ipref-gw', command]) for command in gateway_commands()))


def wrong_options(text):
    """Of a command in the text, or of options alone."""
    words = text.split()
    known = options_of(words) if words[0] in PROGRAMS else every_option()
    return ['no such option: -' + name for name in OPTION.findall(text) if name not in known]


def try_command(command, folder):
    """Without its effects; what is wrong with it, or nothing."""
    words = shlex.split(command)
    if words[0] == './dev':
        return '' if words[1] in dev_commands() else './dev has no such command'
    if words[0] not in PROGRAMS:
        return 'not a program of ours: have a test run it, or mark it as the user\'s own'
    if wrong := wrong_options(command):
        return wrong[0]
    if words[0] == 'ipref-gw' and words[1:2] and not words[1].startswith('-'):
        return '' if words[1] in gateway_commands() else 'no such command'
    if words[0] == 'ipref-coredns':
        words[words.index('-conf') + 1] = str(blocks.TOP / 'packaging/coredns/Corefile')
    dry = '-validate' if words[0] == 'ipref-coredns' else '-check'
    return ran([BIN / words[0], *(word for word in words[1:] if word != dry), dry], folder) if dry in words else ran(
        [BIN / words[0], dry, *words[1:]], folder)


def corefile(block, folder):
    """Zone files that it names are there."""
    (folder / 'Corefile').write_text(block.text(), encoding='utf-8')
    for name in re.findall(r'\bfile (\S+)', block.text()):
        (folder / name).write_text('@ 60 IN SOA ns. host. 1 60 60 60 60\n@ 60 IN NS ns.\n', encoding='utf-8')
    return ran([BIN / 'ipref-coredns', '-conf', 'Corefile', '-validate'], folder)


def hosts(block, folder):
    (folder / 'hosts').write_text(block.text(), encoding='utf-8')
    return ran([BIN / 'ipref-gw', '-gateway', '203.0.113.5', '-hosts', 'hosts', '-check'], folder)


def tested(block):
    _, file, name = block.mark if len(block.mark) == 3 else ('', '', '')
    path = blocks.TOP / 'tests' / file
    if not path.is_file():
        return 'no such test: ' + ' '.join(block.mark)
    return '' if re.search(r'^def %s\(' % name, path.read_text(encoding='utf-8'), re.M) else '%s has no %s' % (file, name)


def troubles_of_block(block, folder):
    kind = block.mark[0] if block.mark else ''
    if kind not in blocks.MARKS:
        return ['run it in a test, or mark it as the user\'s own: tests/docs/blocks.py says how']
    if kind in ('yours', 'shown') and len(block.mark) < 2:
        return ['the mark does not say why']
    if kind == 'check':
        return [try_command(command, folder) for command in block.commands()]
    if kind == 'log':
        return ['no program logs "%s"' % line for line in block.lines if not quotes.known(line)]
    return [{'corefile': corefile, 'hosts': hosts}[kind](block, folder)] if kind in ('corefile', 'hosts') else [
        tested(block) if kind == 'test' else '']


def dev_commands():
    said = subprocess.run([blocks.TOP / 'dev', 'help'], capture_output=True, text=True, check=True).stdout
    return re.findall(r'^  ([a-z]+)\b', said, re.M)


def troubles_of_words(text):
    first = text.split()[0]
    if quotes.is_quote(text) and len(text) > 12:
        return [] if quotes.known(text) else ['no program logs "%s"' % text]
    if first == './dev' and len(text.split()) > 1 and text.split()[1] not in dev_commands():
        return ['./dev has no such command: ' + text]
    if first == 'ipref-gw' and len(text.split()) > 1 and re.fullmatch('[a-z]+', text.split()[1]) and text.split()[1] not in gateway_commands():
        return ['no such command: ' + text]
    ours = first in PROGRAMS or re.fullmatch(r'-[a-z][a-z-]+', first)
    return wrong_options(text) if ours and '/' not in first else []


def anchors(file):
    heads = re.findall(r'^#+ (.*)$', file.read_text(encoding='utf-8'), re.M)
    return {re.sub(r'[^\w -]', '', head.lower()).replace(' ', '-') for head in heads}


def troubles_of_link(file, target):
    path, _, anchor = target.partition('#')
    there = (file.parent / path) if path else file
    if not there.exists():
        return ['leads nowhere: ' + target]
    return ['no such heading: ' + target] if anchor and anchor not in anchors(there) else []


def findings(folder):
    """(where, what is wrong, or nothing) of all there is to look at."""
    for file in blocks.files():
        name = str(file.relative_to(blocks.TOP))
        for block in blocks.blocks(file):
            for trouble in troubles_of_block(block, folder) or ['']:
                yield block.at, trouble
        for line, text in blocks.words(file):
            for trouble in troubles_of_words(text) or ['']:
                yield '%s:%d' % (name, line), trouble
        for target in re.findall(r'\]\((?!https?:)([^)]+)\)', file.read_text(encoding='utf-8')):
            for trouble in troubles_of_link(file, target) or ['']:
                yield name, trouble


def main():
    global BIN
    if sys.argv[1:2] == ['--bin']:
        BIN = Path(sys.argv[2]).resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix='ipref-docs-') as folder:
        for where, trouble in findings(Path(folder)):
            if trouble:
                print('%s: %s' % (where, trouble.strip()))
            failed += bool(trouble)
            passed += not trouble
    print('%d passed, %d failed' % (passed, failed))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
