"""`inspect` on an event file: what is in it, and the import that makes a bag of it."""

import json
import struct

import numpy as np
import pytest

from mmseg_ros import cli

TIMES_US = np.array([1_000, 2_000, 3_000, 501_000])
X, Y = np.array([0, 5, 639, 7]), np.array([0, 479, 3, 9])
POLARITY = np.array([1, 0, 1, 1])


def write_dat(path):
    packed = X | Y << 14 | POLARITY << 28
    rows = np.stack([TIMES_US, packed], 1).astype('<u4').tobytes()
    head = b'% Version 2\n% Height 480\n% Width 640\n' + struct.pack('BB', 12, 8)
    path.write_bytes(head + rows)


def write_evt3(path, events, tail=b''):
    words = []
    for t, x, y, on in events:
        words += [0x8000 | t >> 12, 0x6000 | t & 0xFFF, y, 0x2000 | on << 11 | x]
    head = b'% evt 3.0\n% format EVT3;height=480;width=640\n% end\n'
    path.write_bytes(head + np.array(words, '<u2').tobytes() + tail)


def read(path, capsys):
    assert cli.main(['inspect', str(path), '--json']) == 0
    return json.loads(capsys.readouterr().out)


def test_dat_is_told_and_leads_to_the_import(tmp_path, capsys):
    path = tmp_path / 'own' / 'event' / 'a.dat'
    path.parent.mkdir(parents=True)
    write_dat(path)
    assert cli.main(['inspect', str(path)]) == 0
    text = capsys.readouterr().out
    assert 'events, DAT' in text
    assert '640 x 480 pixels\n' in text
    assert "0.001000 to 0.501000 s from the sensor's start, 0.500000 s" in text
    assert 'events  4: 3 on, 1 off' in text
    assert 'rate    8 events/s, 300 in the fullest 10 ms' in text
    command = text.splitlines()[-1].partition('mmseg_ros ')[2].replace('BAG', str(tmp_path / 'b'))
    assert cli.main(command.split()) == 0
    assert 'event' in capsys.readouterr().out


def test_json_of_evt3_with_a_word_cut_in_half(tmp_path, capsys):
    path = tmp_path / 'a.raw'
    write_evt3(path, [(1000, 3, 4, 1), (3_000, 639, 479, 0)], tail=b'\x01')
    found = read(path, capsys)
    assert found['codec'] == 'RAW EVT3'
    assert (found['events'], found['on'], found['off']) == (2, 1, 1)
    assert (found['width'], found['height'], found['names_size']) == (640, 480, True)
    assert (found['first_s'], found['last_s']) == (0.001, 0.003)


def test_a_file_without_its_size_says_that_it_is_guessed(tmp_path, capsys):
    h5py = pytest.importorskip('h5py')
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        for name, values in zip('xytp', (X, Y, TIMES_US, POLARITY), strict=True):
            file[f'events/{name}'] = values
        file['t_offset'] = 1_700_000_000_000_000
    found = read(path, capsys)
    assert (found['codec'], found['names_size'], found['is_absolute']) == ('HDF5', False, True)
    assert cli.main(['inspect', str(path)]) == 0
    text = capsys.readouterr().out
    assert 'not named by the file' in text
    assert 'Give event an image size' in text
    assert 'put it into DIR/event/' in text


def test_an_empty_recording_and_options_of_bags(tmp_path, capsys):
    path = tmp_path / 'a.raw'
    write_evt3(path, [])
    assert cli.main(['inspect', str(path)]) != 0
    assert 'holds no events' in capsys.readouterr().err
    for option in (['--sensors', 'event=/events'], ['--write', str(tmp_path / 'rig.yaml')]):
        assert cli.main(['inspect', str(path), *option]) != 0
        assert f'{option[0]} is for bags' in capsys.readouterr().err
    path.write_bytes(b'no header')
    assert cli.main(['inspect', str(path)]) != 0
    assert "event format 'none'" in capsys.readouterr().err
