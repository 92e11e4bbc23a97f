"""Writes constraints.txt: what `make setup` installs, its versions and the hashes of its files.

`make pins` runs it after a change of constraints.in or setup.py. The hashes are those of all files
of a version, for any platform; which packages there are was found out on this one.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
HEAD = '# Made by `make pins` from constraints.in and setup.py; for Python 3.11 on x86-64 Linux.\n'
ALONE = 'torch'
"""Comes without its dependencies: they are gigabytes of CUDA for one of its builds."""


def compiled(*arguments: str) -> str:
    """Return what uv resolves, as lines of a requirements file."""
    command = [
        'pip', 'compile', '--quiet', '--generate-hashes', '--no-header', '--no-annotate',
    ]  # fmt: skip
    uv = Path(sys.executable).with_name('uv')
    done = subprocess.run(
        [uv, *command, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def main(extras: list[str], wheels: list[str]) -> None:
    """Resolve and write.

    Args:
        extras: Of setup.py.
        wheels: Folders of further wheels, as of a build of torch without CUDA.
    """
    links = [f'--find-links={folder}' for folder in wheels]
    chosen = [f'--extra={extra}' for extra in extras]
    lines = compiled(
        'setup.py', *chosen, '--constraint=constraints.in', f'--no-emit-package={ALONE}', *links
    )
    pin = next(
        line for line in (ROOT / 'constraints.in').read_text().splitlines()
        if line.startswith(f'{ALONE}==')
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        wanted = Path(folder) / 'wanted.txt'
        wanted.write_text(pin + '\n')
        hashes = set(re.findall(r'--hash=\S+', compiled(str(wanted), '--no-deps')))
    for wheel in (w for folder in wheels for w in Path(folder).glob(f'{pin.replace("==", "-")}*')):
        hashes.add('--hash=sha256:' + hashlib.sha256(wheel.read_bytes()).hexdigest())
    text = HEAD + ' \\\n    '.join([pin, *sorted(hashes)]) + '\n' + lines
    (ROOT / 'constraints.txt').write_text(text)


if __name__ == '__main__':
    main(sys.argv[1].split(','), sys.argv[2:])
