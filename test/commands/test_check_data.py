"""check-data tells what a data set holds and names every bad file; without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
from miniatures import classes, fmb, folder, muses, write

from mmseg_ros.cli import main


def check(root, *arguments):
    output = root.parent / 'checked'
    status = main(['check-data', str(root), '--output', str(output), *arguments])
    return status, json.loads((output / 'data.json').read_text()), output


def test_a_sound_set_is_counted(tmp_path, capsys):
    root = tmp_path / 'set'
    folder(root)
    with (root / 'mmseg_dataset.yaml').open('a') as stream:
        stream.write('label_space: cityscapes\n')
    status, data, output = check(root)
    assert status == 0
    assert data['format'] == 'folder'
    train = data['splits'][0]
    assert train['frames'] == 2
    assert train['sizes'] == {'48 x 64': 2}
    pixels = train['label_pixels']
    expected = np.bincount(classes((0, 1, 2)).ravel()) * 2
    assert [pixels['road'], pixels['bicycle'], pixels['ignored']] == expected.tolist()
    assert sum(pixels.values()) == 2 * 48 * 64
    assert train['statistics']['rgb']['mean'][0] == pytest.approx(0.5, abs=0.05)
    assert data['splits'][2]['error']  # there is no split test
    assert len(list(output.glob('*.png'))) == 4
    page = (output / 'index.html').read_text()
    assert 'day/a' in page
    assert '<img' in page
    assert 'bicycle' in capsys.readouterr().out


def test_bad_files_are_named_and_set_the_status(tmp_path, capsys):
    root = tmp_path / 'set'
    fmb(root)
    damaged = root / 'train' / 'Visible' / '00001.png'
    damaged.write_bytes(damaged.read_bytes()[:40])
    missing = root / 'train' / 'Infrared' / '00002.png'
    missing.unlink()
    write(root / 'test' / 'Label' / '00001.png', classes((1, 99)))
    write(root / 'test' / 'Label' / '00002.png', classes((0,)))
    status, data, _ = check(root)
    assert status == 1
    train, test = data['splits']
    assert train['missing'] == [str(missing)]
    assert [str(damaged) in line for line in train['damaged']] == [True]
    assert '99 (' in test['damaged'][0]
    assert test['unlabeled'] == ['00002']
    printed = capsys.readouterr().out
    assert str(missing) in printed
    assert str(damaged) in printed
    assert check(root, '--split', 'test', '--modalities', 'rgb')[0] == 1
    assert check(root, '--split', 'nowhere')[0] == 1


def test_it_runs_without_torch(tmp_path):
    pytest.importorskip('h5py')
    root = tmp_path / 'set'
    muses(root)
    code = (
        'import sys; sys.modules["torch"] = None\n'
        'from mmseg_ros.cli import main\n'
        f'sys.exit(main(["check-data", {str(root)!r}, "--split", "val", "--output", '
        f'{str(tmp_path / "out")!r}]))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert 'radar' in done.stdout
