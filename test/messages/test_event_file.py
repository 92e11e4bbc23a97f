"""Prophesee RAW files, written word by word."""

import struct
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages.event_file import read_event_file

REAL = Path(__file__).parents[3] / 'shared' / 'events' / 'evt2.raw'


def evt2_events(rng, n):
    x, y, p = rng.integers(0, 640, n), rng.integers(0, 480, n), rng.integers(0, 2, n)
    times = np.sort(rng.integers(1000, 100_000, n))
    words, high = [], None
    for xi, yi, pi, ti in zip(x, y, p, times, strict=True):
        if ti >> 6 != high:
            high = ti >> 6
            words.append((8 << 28) | int(high))
        words.append((int(pi) << 28) | (int(ti & 63) << 22) | (int(xi) << 11) | int(yi))
    return x, y, p, times, struct.pack(f'<{len(words)}I', *words)


@pytest.mark.parametrize(
    'header',
    [
        '% Date 2020\n% plugin_name hal_plugin_gen3_fx3\n% evt 2.0\n',
        '% format EVT2;height=480;width=640\n% end\n',
        '% evt 2.0\n% geometry 640x480\n% end\n',
        '% format evt2;height=480;width=640\r\n% end\r\n',
    ],
)
def test_evt2_file(tmp_path, header):
    x, y, p, times, body = evt2_events(np.random.default_rng(0), 500)
    path = tmp_path / 'a.raw'
    path.write_bytes(header.encode() + body + b'\x01\x02')
    events = read_event_file(path, start_ns=7)
    np.testing.assert_array_equal(events.x, x)
    np.testing.assert_array_equal(events.y, y)
    np.testing.assert_array_equal(events.polarity, p)
    np.testing.assert_array_equal(events.stamp_ns, times * 1000 + 7)
    assert (events.width, events.height) == (640, 480)


@pytest.mark.parametrize('order', ['little', 'legacy'])
def test_evt21_file(tmp_path, order):
    words = [(8 << 60) | (2 << 32), (1 << 60) | (3 << 54) | (64 << 43) | (9 << 32) | 0b11]
    halves = [(word & 0xFFFFFFFF, word >> 32) for word in words]
    pairs = [half if order == 'little' else half[::-1] for half in halves]
    body = b''.join(struct.pack('<2I', *pair) for pair in pairs)
    path = tmp_path / 'b.raw'
    header = f'% format EVT21;height=320;width=320;endianness={order}\n% end\n'
    path.write_bytes(header.encode() + body + b'\1\2\3')
    events = read_event_file(path)
    assert (events.x.tolist(), events.y.tolist()) == ([64, 65], [9, 9])
    assert set(events.stamp_ns.tolist()) == {(2 * 64 + 3) * 1000}


def test_evt3_file(tmp_path):
    words = [(8 << 12) | 2, (6 << 12) | 3, 9, (2 << 12) | 0x800 | 50]
    path = tmp_path / 'b.raw'
    path.write_bytes(b'% evt 3.0\n% geometry 1280x720\n% end\n' + struct.pack('<4H', *words))
    events = read_event_file(path)
    assert (events.x[0], events.y[0], events.polarity[0]) == (50, 9, True)
    assert events.stamp_ns[0] == ((2 << 12) + 3) * 1000


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        (b'', "'none'; supported: EVT2, EVT21, EVT3"),
        (b'% evt 2.1\n', 'size of the sensor'),
        (b'% evt 4.0\n', 'EVT4'),
        (b'% evt 3.0\n% end\n', 'size of the sensor'),
        (b'% evt 3.0\n% format EVT3;height=' + b'9' * 30 + b';width=640\n', 'size of the sensor'),
        (b'% evt 3.0\n% geometry ' + b'9' * 5000 + b'x480\n', 'size of the sensor'),
        (b'% evt 2.0', 'none'),
        (b'\x00' * 100, 'none'),
    ],
)
def test_other_files_are_rejected_by_name(tmp_path, content, named):
    path = tmp_path / 'c.raw'
    path.write_bytes(content)
    with pytest.raises(SampleError, match=named) as caught:
        read_event_file(path)
    assert 'c.raw' in str(caught.value)
    with pytest.raises(SampleError, match='cannot read'):
        read_event_file(tmp_path / 'missing.raw')


@pytest.mark.skipif(not REAL.exists(), reason='the recording is not part of the project')
def test_a_real_recording():
    events = read_event_file(REAL)
    assert len(events.x) == 521_252
    assert np.ptp(events.stamp_ns) == 95_871_000
    assert (np.diff(events.stamp_ns) >= 0).all()
