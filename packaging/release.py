#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a release from build/static: stripped programs, tarball, .deb, .rpm, debug symbols, SBOM and checksums in build/dist.

The same commit gives the same bytes: every time stamp is that of the commit. With IPREF_RELEASE_KEY naming a key of gpg's,
SHA256SUMS gets a detached signature."""
import glob
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

PROGRAMS = ('ipref-gw', 'ipref-dns-agent', 'ipref-coredns')
BUILD, DIST = 'build/static', 'build/dist'
STRIPPED = BUILD + '/stripped'
# The static libraries that are in the programs, by the Debian package they are from.
LIBRARIES = {'libc-ares-dev': 'MIT', 'libc6-dev': 'LGPL-2.1-or-later', 'libexpected-dev': 'CC0-1.0', 'libfmt-dev': 'MIT',
             'libldns-dev': 'BSD-3-Clause', 'liblmdb-dev': 'OLDAP-2.8', 'libnghttp2-dev': 'MIT', 'libprotobuf-dev': 'BSD-3-Clause',
             'libre2-dev': 'BSD-3-Clause', 'libseccomp-dev': 'LGPL-2.1-only', 'libssl-dev': 'Apache-2.0',
             'libstdc++-12-dev': 'GPL-3.0-or-later WITH GCC-exception-3.1', 'liburcu-dev': 'LGPL-2.1-or-later',
             'libuv1-dev': 'MIT'}
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}


def said(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def split_symbols(epoch):
    """The programs without their symbols go to STRIPPED, the symbols to DIST/debug."""
    for folder in (DIST + '/debug', STRIPPED):
        os.makedirs(folder, exist_ok=True)
    for name in PROGRAMS:
        built, program, symbols = ('%s/%s' % (folder, name) for folder in (BUILD + '/bin', STRIPPED, DIST + '/debug'))
        symbols += '.debug'
        subprocess.run(['objcopy', '--only-keep-debug', '--compress-debug-sections', built, symbols], check=True)
        subprocess.run(['strip', '--strip-all', '-o', program, built], check=True)
        subprocess.run(['objcopy', '--add-gnu-debuglink=' + symbols, program], check=True)
        os.utime(program, (epoch, epoch))


def add_file(tar, path, name, mode, epoch):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = os.path.getsize(path), mode, epoch
    with open(path, 'rb') as f:
        tar.addfile(info, f)


def tarball(path, files, epoch):
    """`files`: (file, name in the tarball, mode)."""
    with open(path, 'wb') as out, gzip.GzipFile('', 'wb', 9, out, mtime=epoch) as packed:
        with tarfile.open(fileobj=packed, mode='w', format=tarfile.USTAR_FORMAT) as tar:
            for file, name, mode in files:
                add_file(tar, file, name, mode, epoch)


def main_tarball(architecture, epoch):
    files = [('%s/%s' % (STRIPPED, name), name, 0o755) for name in PROGRAMS]
    files += [(name, name, 0o644) for name in ('LICENSE', 'PATENTS', 'TRADEMARKS', 'README.md')]
    for folder in ('systemd', 'etc', 'coredns', 'container', 'monitoring', 'wireshark'):
        folder = 'packaging/' + folder
        kind = os.path.basename(folder)
        files += [(os.path.join(folder, name), kind + '/' + name, 0o644) for name in sorted(os.listdir(folder))]
    files += [(name, name, 0o644) for name in sorted([*glob.glob('docs/*.md'), *glob.glob('resolver/plugins/*/README.md')])]
    tarball('%s/ipref-linux-%s.tar.gz' % (DIST, architecture), files, epoch)


def packages(epoch):
    shutil.rmtree(BUILD + '/packages', ignore_errors=True)
    shutil.rmtree(BUILD + '/_CPack_Packages', ignore_errors=True)
    done = subprocess.run(['cpack', '--config', 'CPackConfig.cmake'], cwd=BUILD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, umask=0o022)
    if done.returncode != 0:
        sys.exit(done.stdout)
    for name in sorted(os.listdir(BUILD + '/packages')):
        if name.endswith(('.deb', '.rpm')):
            shutil.copy(os.path.join(BUILD, 'packages', name), DIST)


def spdx_package(identifier, name, version, license_id):
    return {'SPDXID': 'SPDXRef-' + identifier, 'name': name, 'versionInfo': version, 'downloadLocation': 'NOASSERTION',
            'filesAnalyzed': False, 'licenseConcluded': license_id, 'licenseDeclared': license_id, 'copyrightText': 'NOASSERTION'}


def sbom(version, commit, created):
    """SPDX 2.3 of the programs and the libraries that are linked into them."""
    rows = [spdx_package('ipref', 'ipref', version, 'GPL-2.0-or-later')]
    for package, license_id in sorted(LIBRARIES.items()):
        found = said('dpkg-query', '-W', '-f', '${source:Package} ${source:Version}', package).split()
        rows.append(spdx_package(re.sub(r'[^a-zA-Z0-9.-]', '-', package), found[0], found[1], license_id))
    links = [{'spdxElementId': 'SPDXRef-DOCUMENT', 'relationshipType': 'DESCRIBES', 'relatedSpdxElement': 'SPDXRef-ipref'}]
    links += [{'spdxElementId': 'SPDXRef-ipref', 'relationshipType': 'STATIC_LINK', 'relatedSpdxElement': row['SPDXID']}
              for row in rows[1:]]
    document = {'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT', 'name': 'ipref-' + version,
                'documentNamespace': 'https://ipref.org/spdx/ipref-%s-%s' % (version, commit),
                'creationInfo': {'created': created, 'creators': ['Tool: ipref-release']}, 'packages': rows, 'relationships': links}
    with open('%s/ipref-%s.spdx.json' % (DIST, version), 'w', encoding='utf-8') as f:
        json.dump(document, f, indent=1)
        f.write('\n')


def checksums():
    names = sorted(name for name in os.listdir(DIST) if os.path.isfile(os.path.join(DIST, name)))
    with open(DIST + '/SHA256SUMS', 'w', encoding='ascii') as out:
        for name in names:
            with open(os.path.join(DIST, name), 'rb') as f:
                out.write('%s  %s\n' % (hashlib.sha256(f.read()).hexdigest(), name))
    if key := os.environ.get('IPREF_RELEASE_KEY'):
        subprocess.run(['gpg', '--batch', '--yes', '--armor', '--local-user', key, '--output', DIST + '/SHA256SUMS.asc',
                        '--detach-sign', DIST + '/SHA256SUMS'], check=True)


def main():
    epoch = int(said('git', 'log', '-1', '--format=%ct'))
    os.environ.update(SOURCE_DATE_EPOCH=str(epoch), TZ='UTC', LC_ALL='C')
    version = re.search(r'project\(ipref VERSION ([\d.]+)', open('CMakeLists.txt', encoding='utf-8').read()).group(1)
    architecture = ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    shutil.rmtree(DIST, ignore_errors=True)
    os.makedirs(DIST)
    split_symbols(epoch)
    main_tarball(architecture, epoch)
    packages(epoch)
    tarball('%s/ipref-linux-%s-debug.tar.gz' % (DIST, architecture),
            [('%s/debug/%s.debug' % (DIST, name), name + '.debug', 0o644) for name in PROGRAMS], epoch)
    shutil.rmtree(DIST + '/debug')
    sbom(version, said('git', 'rev-parse', 'HEAD'), said('date', '-u', '-d', '@%d' % epoch, '+%Y-%m-%dT%H:%M:%SZ'))
    checksums()
    print(open(DIST + '/SHA256SUMS', encoding='ascii').read(), end='')


if __name__ == '__main__':
    main()
