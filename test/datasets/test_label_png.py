"""Label images in every way in which people write them."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.deliver import DeliverDataset
from mmseg_ros.datasets.label_png import read_label_png

HEIGHT, WIDTH = 12, 18
IDS = np.tile(np.where(np.arange(WIDTH) < 9, 3, 5), (HEIGHT, 1)).astype(np.uint8)
RAW = IDS + 1
COLORS = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


def chunk(name, content):
    body = name + content
    return struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))


def png(values, depth, kind, colors=None):
    """Write a PNG of 1, 2, 4 or 8 bits per pixel by hand: gray (0) or with a palette (3)."""
    bits = ((values[..., None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(len(values), -1)
    rows = np.packbits(bits.astype(np.uint8), axis=1)
    lines = b''.join(b'\0' + row.tobytes() for row in rows)
    header = struct.pack('>IIBBBBB', values.shape[1], values.shape[0], depth, kind, 0, 0, 0)
    table = chunk(b'PLTE', colors[: 1 << depth].tobytes()) if kind == 3 else b''
    clear = chunk(b'tRNS', bytes(3)) if kind == 3 else b''
    return (
        b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + table + clear
        + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')
    )  # fmt: skip


def encoded(pixels):
    return cv2.imencode('.png', pixels)[1].tobytes()


ALPHA = np.full((HEIGHT, WIDTH), 255, np.uint8)
ZERO = np.zeros_like(RAW)
FORMS = {
    'grey': encoded(RAW),
    'three equal channels': encoded(np.dstack([RAW] * 3)),
    'with alpha': encoded(np.dstack([RAW, RAW, RAW, ALPHA])),
    'tags of a simulator': encoded(np.dstack([ZERO, ZERO, RAW, ALPHA])),
    '16 bits': encoded(RAW.astype(np.uint16)),
    'palette of 8 bits': png(RAW, 8, 3, COLORS),
    'palette of 4 bits': png(RAW, 4, 3, COLORS),
    'gray of 4 bits': png(RAW, 4, 0),
}


@pytest.mark.parametrize('name', FORMS)
def test_the_numbers_of_the_file_come_out(tmp_path, name):
    path = tmp_path / 'label.png'
    path.write_bytes(FORMS[name])
    np.testing.assert_array_equal(read_label_png(path), RAW)


@pytest.mark.parametrize('kind', [0, 3])
@pytest.mark.parametrize('depth', [1, 2, 4])
def test_few_bits_are_numbers_and_no_brightness(tmp_path, depth, kind):
    values = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % (1 << depth)
    path = tmp_path / 'label.png'
    path.write_bytes(png(values, depth, kind, COLORS))
    np.testing.assert_array_equal(read_label_png(path), values)


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        (encoded(COLORS[RAW]), 'holds colors, not class numbers'),
        (encoded(RAW)[:50], 'no readable image'),
        (b'', 'no readable image'),
        (b'\x89PNG\r\n\x1a\n' + bytes(40), 'no readable image'),
    ],
)
def test_what_holds_no_numbers_is_named(tmp_path, content, named):
    path = tmp_path / 'label.png'
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=named):
        read_label_png(path)
    with pytest.raises(DatasetError, match='cannot be read'):
        read_label_png(tmp_path / 'absent.png')


def data_set(root, label):
    for i in range(3):
        for folder, word in (('img', 'rgb'), ('semantic', 'semantic')):
            path = root / folder / 'sun' / 'train' / 'S' / f'{i:06d}_{word}_front.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            image = encoded(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
            path.write_bytes(label(i) if folder == 'semantic' else image)
    return DeliverDataset(root, 'train', ('rgb',), load_label_space('deliver'))


@pytest.mark.parametrize('name', FORMS)
def test_a_data_set_of_each_form_has_its_classes(tmp_path, name):
    frames = data_set(tmp_path, lambda i: FORMS[name])
    np.testing.assert_array_equal(frames[0].labels, IDS)


def test_16_bits_of_ones_are_unlabeled(tmp_path):
    raw = RAW.astype(np.uint16)
    raw[0] = 65535
    labels = data_set(tmp_path, lambda i: encoded(raw))[0].labels
    assert set(labels[0].tolist()) == {255}
    np.testing.assert_array_equal(labels[1:], IDS[1:])


def test_a_data_set_without_a_labelled_pixel_stops_at_once(tmp_path):
    nothing = np.where(RAW == 4, 0, 255).astype(np.uint8)
    with pytest.raises(DatasetError, match='none of the 3 label images of train has a labeled'):
        data_set(tmp_path / 'a', lambda i: encoded(nothing))
    some = data_set(tmp_path / 'b', lambda i: encoded(RAW if i == 2 else nothing))
    assert len(some) == 3


def test_values_outside_the_label_space_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r'label values \[300\]'):
        data_set(tmp_path, lambda i: encoded(np.full((4, 4), 300, np.uint16)))[0]


@pytest.mark.parametrize(
    ('suffix', 'kind', 'named'),
    [('.jpg', np.uint8, 'is a JPEG'), ('.tiff', np.float32, 'holds float32 values')],
)
def test_numbers_that_are_not_those_written_are_rejected(tmp_path, suffix, kind, named):
    path = tmp_path / f'labels{suffix}'
    assert cv2.imwrite(str(path), np.full((16, 16), 7, kind))
    with pytest.raises(DatasetError, match=named):
        read_label_png(path)
