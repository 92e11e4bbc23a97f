"""Runs one kind of work where a disk is full, read-only or files may not grow.

`python full_disk.py KIND FOLDER DISKS [ARGUMENTS]`, DISKS being some of `full,read-only,limit`:
for the first two FOLDER is a file system that this process may fill and remount; the last is
`ulimit -f`. Prints one JSON line per attempt: what was said, and how the files are left behind.
"""

import contextlib
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import works

from mmseg_ros.core.errors import MmsegError

FREE_BYTES = (0, 4096, 20_000, 100_000, 300_000)
LIMIT_BYTES = (0, 1, 500, 5_000, 40_000)
OF_VERBS = slice(None, None, 2)
"""Verbs take longer; for them every second one."""


def verb(*arguments):
    """Return a work that runs a verb; `@` in its arguments is the folder."""
    from mmseg_ros import cli

    def work(folder):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = cli.main([a.replace('@', str(folder)) for a in arguments])
        if status:
            raise MmsegError(said.getvalue().strip().splitlines()[-1])

    return work


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file() and path.name != 'filler'
    }


def fill(folder, left):
    """Leave so many bytes of the file system free."""
    filler = folder / 'filler'
    block = bytes(1 << 20)
    with filler.open('wb', buffering=0) as stream:
        with contextlib.suppress(OSError):
            while True:
                stream.write(block)
        stream.truncate(max(0, stream.tell() - left))


def narrowed(folder, disk, chosen):
    """Yield after each chosen narrowing of the disk."""
    if disk == 'read-only':
        subprocess.run(['mount', '-o', 'remount,ro', folder], check=True)
        yield 'read-only'
        subprocess.run(['mount', '-o', 'remount,rw', folder], check=True)
    elif disk == 'full':
        for left in FREE_BYTES[chosen]:
            fill(folder, left)
            yield left
            (folder / 'filler').unlink()
    else:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for most in LIMIT_BYTES[chosen]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
            yield most
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def attempt(work, target):
    """Return what the work said: '' if there was room for it."""
    try:
        work(target)
    except MmsegError as error:
        return str(error)
    except BaseException as error:
        return f'NOT ONE OF OURS: {error!r}'
    return ''


def main(kind, folder, disks, *arguments):
    folder = Path(folder)
    work = verb(*arguments) if kind == 'verb' else getattr(works, kind)()
    with tempfile.TemporaryDirectory() as warm_up:
        work(Path(warm_up))
    before = folder / 'before'
    before.mkdir()
    work(before)
    kept = contents(before)
    said = []
    chosen = OF_VERBS if kind == 'verb' else slice(None)
    for disk in disks.split(','):
        for k, room in enumerate(narrowed(folder, disk, chosen)):
            target = folder / f'{disk}-{k}'
            with contextlib.suppress(OSError):
                target.mkdir()
            text = attempt(work, target)
            left = contents(target) if target.exists() else {}
            empty = [n for n in left if (target / n).stat().st_size == 0]
            said.append((disk, room, text, empty, contents(before) == kept, sorted(left)))
    for row in said:
        print(json.dumps(row))
    sys.stdout.flush()
    os._exit(0)


if __name__ == '__main__':
    main(*sys.argv[1:])
