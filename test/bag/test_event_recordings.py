"""Recordings of event cameras: every format gives the events that were written, and a bag."""

import struct
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.bag.event_recordings import PACKET_NS, event_packets, read_event_recording
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.replay import samples, sensor_topics
from mmseg_ros.core.errors import DatasetError, MmsegError, SampleError
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.messages.event_dat import unwrapped_us

S = 1_000_000_000
DATA = Path(__file__).parents[1] / 'data' / 'events'


def drawn(count=500, width=640, height=480, seed=0):
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, 200_000, count))
    x, y = random.integers(0, width, count), random.integers(0, height, count)
    x[0], y[0] = width - 1, height - 1
    return x, y, times, random.integers(0, 2, count)


def same(events, x, y, times_us, polarity, start_ns=0):
    np.testing.assert_array_equal(events.x, x)
    np.testing.assert_array_equal(events.y, y)
    np.testing.assert_array_equal(events.polarity, np.asarray(polarity) > 0)
    np.testing.assert_array_equal(events.stamp_ns, np.asarray(times_us) * 1000 + start_ns)


def dat(x, y, times, polarity, version=2, kind=12, size=(480, 640)):
    lines = [f'% Version {version}'] if version else []
    lines += [f'% Height {size[0]}', f'% Width {size[1]}'] if size else []
    head = ''.join(line + '\n' for line in lines).encode()
    bits = (14, 14) if version and version > 1 else (9, 8)
    packed = x | y << bits[0] | polarity << sum(bits)
    rows = np.stack([times, packed], 1).astype('<u4')
    return head + struct.pack('BB', kind, 8) + rows.tobytes()


def test_dat_of_both_versions(tmp_path):
    path = tmp_path / 'a.dat'
    columns = drawn()
    for kind in (0, 12):
        path.write_bytes(dat(*columns, kind=kind) + b'\1\2\3')
        events = read_event_recording(path, 5 * S)
        same(events, *columns, start_ns=5 * S)
        assert (events.width, events.height) == (640, 480)
    old = drawn(width=304, height=240)
    path.write_bytes(dat(*old, version=0, kind=0, size=None))
    events = read_event_recording(path)
    same(events, *old)
    assert (events.width, events.height) == (304, 240)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'records of nothing'),
        (b'% Version 2\n\x0e\x08' + bytes(16), 'type 14 of 8 bytes'),
        (b'% Version 2\n\x0c\x10' + bytes(16), 'type 12 of 16 bytes'),
        (b'% Version 2\n\x0c\x08' + bytes(16), 'size of the sensor'),
        (dat(*drawn(), size=(100, 100)), '100 x 100 pixels'),
    ],
)
def test_dat_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / 'a.dat'
    path.write_bytes(content)
    with pytest.raises(SampleError, match=words):
        read_event_recording(path)


def test_times_of_32_bits_go_on():
    times = np.array([2**32 - 3, 2**32 - 1, 2**32 - 2, 4, 9], np.uint64).astype(np.uint32)
    expected = [2**32 - 3, 2**32 - 1, 2**32 - 2, 2**32 + 4, 2**32 + 9]
    assert unwrapped_us(times).tolist() == expected
    assert unwrapped_us(times[:0]).tolist() == []


@pytest.mark.parametrize('layout', ['dsec', 'utilities', 'metavision', 'bare'])
def test_hdf5_of_every_layout(tmp_path, layout):
    h5py = pytest.importorskip('h5py')
    path = tmp_path / 'a.h5'
    x, y, times, polarity = drawn()
    offset_us = 0
    with h5py.File(path, 'w') as file:
        if layout == 'dsec':
            offset_us = 50_000_000_000
            file['t_offset'] = offset_us
        names = {'dsec': 'events/{}', 'bare': '{}', 'utilities': 'events/{}s'}
        if layout == 'metavision':
            kinds = [('x', '<u2'), ('y', '<u2'), ('p', '<i2'), ('t', '<i8')]
            table = np.zeros(len(x), kinds)
            for name, values in zip('xyp', (x, y, polarity), strict=True):
                table[name] = values
            table['t'] = times
            file['CD/events'] = table
            file.attrs['geometry'] = '640x480'
        else:
            in_s = layout == 'utilities'
            columns = {'x': x, 'y': y, 'p': polarity, 't': times / 1e6 if in_s else times}
            for name, values in columns.items():
                file[names[layout].format(name)] = values
    events = read_event_recording(path, 2 * S)
    same(events, x, y, times + offset_us, polarity, start_ns=2 * S)
    assert (events.width, events.height) == (640, 480)


@pytest.mark.parametrize('named', ['0x0', '9999999999x480', 'axb', '9' * 5000 + 'x480'])
def test_hdf5_with_an_impossible_size_tells_none(tmp_path, named):
    h5py = pytest.importorskip('h5py')
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        for name, values in zip('xytp', drawn(), strict=True):
            file[name] = values
        file.attrs['geometry'] = named
    events = read_event_recording(path)
    assert (events.width, events.height) == (640, 480)


def test_hdf5_that_cannot_be_read(tmp_path):
    h5py = pytest.importorskip('h5py')
    path = tmp_path / 'a.hdf5'
    path.write_bytes(b'no such file')
    with pytest.raises(DatasetError, match='cannot be read as HDF5'):
        read_event_recording(path)
    with h5py.File(path, 'w') as file:
        file['frames'] = np.zeros(3)
    with pytest.raises(DatasetError, match=r'CD/events .Metavision.; it has frames'):
        read_event_recording(path)
    with h5py.File(path, 'w') as file:
        file['events/x'] = file['events/y'] = file['events/p'] = np.full(3, 2000)
        file['events/t'] = np.arange(3)
    with pytest.raises(SampleError, match='does not name the size of its sensor'):
        read_event_recording(path)
    assert read_event_recording(path, size=(2001, 2001)).width == 2001
    with h5py.File(path, 'a') as file:
        del file['events/t']
        file['events/t'] = np.arange(4)
    with pytest.raises(DatasetError, match='differ in number'):
        read_event_recording(path)


def test_aedat4_written_by_the_makers_library(tmp_path):
    pytest.importorskip('aedat')
    events = read_event_recording(DATA / 'dv_346x260.aedat4', start_ns=77)
    random, count = np.random.default_rng(17), 600
    times = np.sort(1_700_000_000_000_000 + random.integers(0, 40_000, count))
    x, y, polarity = (random.integers(0, top, count) for top in (346, 260, 2))
    x[0], y[0] = 345, 259
    same(events, x, y, times, polarity)  # a clock's times: nothing is added
    assert (events.width, events.height) == (346, 260)
    cut = tmp_path / 'cut.aedat4'
    for length in (0, 20, 3000):
        cut.write_bytes((DATA / 'dv_346x260.aedat4').read_bytes()[:length])
        with pytest.raises(SampleError, match=r'cut\.aedat4'):
            read_event_recording(cut)


def test_other_files_are_named(tmp_path):
    with pytest.raises(MmsegError, match=r'read from \.aedat4, \.dat, \.h5, \.hdf5, \.raw'):
        read_event_recording(tmp_path / 'a.txt')


def test_a_folder_with_one_recording_becomes_packets(tmp_path, capsys):
    folder = tmp_path / 'own'
    for k in range(3):
        write_image(folder / 'rgb' / f'{k}.png', np.full((32, 48, 3), 90, np.uint8))
    (folder / 'stamps.txt').write_text('1700000000.0\n1700000000.1\n1700000000.2\n')
    (folder / 'event').mkdir()
    columns = drawn()
    (folder / 'event' / 'drive.dat').write_bytes(dat(*columns))
    out = tmp_path / 'bag'
    assert cli.main(['import', 'images', str(folder), '--out', str(out)]) == 0
    assert '3 rgb' in capsys.readouterr().out
    with BagReader(out) as reader:
        topics = sensor_topics(reader)
        packets = [s for s in samples(reader, topics, (480, 640)) if s.modality == 'event']
    stamps = np.concatenate([s.payload.stamp_ns for s in packets])
    np.testing.assert_array_equal(stamps, columns[2] * 1000 + 1_700_000_000 * S)
    assert 15 <= len(packets) <= 20
    for packet in packets:
        assert packet.stamp_ns == packet.payload.stamp_ns[0]
        assert packet.payload.stamp_ns[-1] - packet.stamp_ns < PACKET_NS


def test_packets_hold_every_event_once(tmp_path):
    path = tmp_path / 'a.dat'
    columns = drawn(seed=3)
    path.write_bytes(dat(*columns))
    packets = list(event_packets(read_event_recording(path)))
    same(packets[0], *(c[: len(packets[0].x)] for c in columns))
    assert sum(len(p.x) for p in packets) == len(columns[0])
