"""A disk that takes no more is one sentence; what stood before stands, and no file is empty."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WORDS = {
    'full': 'the disk is full',
    'read-only': 'the disk is read-only',
    'limit': 'largest size allowed',
}
KINDS = [
    'record', 'simulate', 'evaluate', 'calibrate',
    pytest.param('train', marks=pytest.mark.slow), pytest.param('export', marks=pytest.mark.slow),
]  # fmt: skip


def own_file_systems():
    """Whether this user may mount one in a namespace."""
    return not subprocess.run(
        ['unshare', '-Urm', 'mount', '-t', 'tmpfs', 'none', '/mnt'], capture_output=True
    ).returncode


def attempts(kind, folder, arguments=()):
    """Return (disk, room, what was said, empty files, whether what stood before stands, files)."""
    folder.mkdir()
    mounts = own_file_systems()
    disks = ','.join(WORDS if mounts else ['limit'])
    command = [sys.executable, HERE / 'full_disk.py', kind, folder, disks, *arguments]
    if mounts:
        mounted = 'mount -t tmpfs -o size=40m none "$1" && shift && exec "$@"'
        command = ['unshare', '-Urm', 'sh', '-c', mounted, 'sh', folder, *command]
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'HOME': str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('[')]
    return disks.split(','), rows


def check(disks, rows):
    """Assert that each disk was too small at least once, and what this left."""
    assert {row[0] for row in rows if row[2]} == set(disks)
    for disk, room, said, empty, stands, files in rows:
        assert '\n' not in said, said
        assert WORDS[disk] in said or not said, (disk, room, said)
        assert not empty, (disk, room, said, empty)
        assert files or 'rescued' not in said, (disk, room, said)
        assert stands, (disk, room, said)
        assert not [name for name in files if '.draft' in name], (disk, room, files)


@pytest.mark.parametrize('kind', KINDS)
def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path, kind):
    if kind in ('train', 'export'):
        pytest.importorskip('torch')
    check(*attempts(kind, tmp_path / 'disk'))


BAG = ('simulate', '--layout', 'bag', '--frames', '2', '--seed', '3')
SET = ('simulate', '--scenes', '1', '--frames', '1', '--height', '64', '--width', '96')


@pytest.mark.parametrize('verb', [BAG, SET], ids=['bag', 'data set'])
def test_the_verb_simulate_on_such_a_disk(tmp_path, verb):
    check(*attempts('verb', tmp_path / 'disk', [*verb, '--out', '@/out']))


def test_the_verb_evaluate_on_such_a_disk(tmp_path, make_bundle):
    from mmseg_ros import cli

    bag = tmp_path / 'bag'
    assert cli.main([*BAG, '--out', str(bag)]) == 0
    arguments = ['evaluate', str(bag), '--bundle', str(make_bundle().path), '--output', '@/out',
                 '--subsets', 'none']  # fmt: skip
    check(*attempts('verb', tmp_path / 'disk', arguments))
