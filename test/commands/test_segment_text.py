"""Text prompts about an image and about a bag, from the command line."""

import cv2
import numpy as np
import pytest
import zstandard

from mmseg_ros import cli
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import ImageData, SensorSample


@pytest.fixture
def two_colors():
    pixels = np.zeros((48, 96, 3), np.uint8)
    pixels[:, :48, 0] = 255
    pixels[:, 48:, 2] = 255
    return pixels


@pytest.fixture
def picture(tmp_path, two_colors):
    path = tmp_path / 'street.png'
    cv2.imwrite(str(path), two_colors[:, :, ::-1])
    return path


def refer(bundle, *words):
    return cli.main(['segment-text', *map(str, words), '--bundle', str(bundle.path)])


def test_masks_of_a_picture(make_referring_bundle, picture, tmp_path, capsys):
    bundle = make_referring_bundle()
    out, overlay = tmp_path / 'new' / 'mask.png', tmp_path / 'overlay.png'
    assert refer(bundle, picture, 'the red car', '--out', out, '--overlay', overlay) == 0
    mask = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (48, 96)
    assert (mask[:, :46] == 255).all()
    assert (mask[:, 50:] == 0).all()
    assert cv2.imread(str(overlay)).shape == (48, 96, 3)
    said = capsys.readouterr().out
    assert 'the red car: 5' in said
    assert 'columns 0..4' in said


def test_several_sentences_are_one_union(make_referring_bundle, picture, tmp_path, capsys):
    out = tmp_path / 'mask.png'
    assert refer(make_referring_bundle(), picture, 'red', 'blue; green', '--out', out) == 0
    assert (cv2.imread(str(out), cv2.IMREAD_UNCHANGED) == 255).mean() > 0.95
    assert 'green: nothing found' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('aspect', 'is_found'),
    [('auto', True), ('letterbox', True), ('stretch', True), ('crop', False)],
)
def test_a_crop_leaves_out_the_edge_of_a_wide_picture(
    make_referring_bundle, tmp_path, capsys, aspect, is_found
):
    wide = np.zeros((32, 192, 3), np.uint8)
    wide[:, :48, 0] = 255  # red at the left edge, outside the 64 columns in the middle
    wide[:, 48:, 2] = 255
    picture = tmp_path / 'wide.png'
    cv2.imwrite(str(picture), wide[:, :, ::-1])
    assert refer(make_referring_bundle(), picture, 'red', '--aspect', aspect) == 0
    assert ('red: nothing found' not in capsys.readouterr().out) == is_found


@pytest.mark.parametrize('suffix', ['.zstd', '.zst'])
def test_an_image_of_one_packed_file(make_referring_bundle, two_colors, tmp_path, suffix):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_sample(SensorSample('rgb', 10**18, 'camera', ImageData(two_colors)))
    plain = next((tmp_path / 'bag').glob('*.mcap'))
    packed = tmp_path / (plain.name + suffix)
    packed.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    out = tmp_path / 'mask.png'
    assert refer(make_referring_bundle(), packed, 'red', '--out', out) == 0
    assert cv2.imread(str(out), cv2.IMREAD_UNCHANGED)[:, :46].all()


def test_an_image_of_a_split_bag(make_referring_bundle, two_colors, tmp_path, capsys):
    folder = tmp_path / 'split'
    folder.mkdir()
    for i, pixels in enumerate((two_colors, two_colors[:, ::-1])):
        with BagWriter(tmp_path / f'part{i}') as bag:
            payload = ImageData(np.ascontiguousarray(pixels))
            bag.write_sample(SensorSample('rgb', 10**18 + i * 10**9, 'camera', payload))
        next((tmp_path / f'part{i}').glob('*.mcap')).rename(folder / f'split_{i}.mcap')
    assert refer(make_referring_bundle(), folder, 'red', '--at', 0.5) == 0
    assert 'columns 4' in capsys.readouterr().out


def test_a_bag_of_ros_1_is_told_how_to_be_converted(make_referring_bundle, tmp_path, capsys):
    old = tmp_path / 'old.bag'
    old.write_bytes(b'#ROSBAG V2.0\n' + bytes(64))
    assert refer(make_referring_bundle(), old, 'red') == 1
    assert 'rosbags-convert' in capsys.readouterr().err


def test_an_image_of_a_bag(make_referring_bundle, two_colors, tmp_path, capsys):
    with BagWriter(tmp_path / 'bag') as bag:
        for i, pixels in enumerate((two_colors, two_colors[:, ::-1])):
            stamp_ns = 10**18 + i * 10**9
            payload = ImageData(np.ascontiguousarray(pixels))
            bag.write_sample(SensorSample('rgb', stamp_ns, 'camera', payload))
    bundle = make_referring_bundle()
    for at_s, first in ((0, 0), (0.5, 4)):
        assert refer(bundle, tmp_path / 'bag', 'red', '--at', at_s) == 0
        assert f'columns {first}' in capsys.readouterr().out
    assert refer(bundle, tmp_path / 'bag', 'red', '--at', 9) == 1
    assert 'no camera image 9 s after' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (('{picture}', 'zeppelin'), 'No word of the text prompt'),
        (('{picture}', ''), 'no text prompt'),
        (('{picture}', 'red ' * 100_000), '400000 characters'),
        (('{missing}', 'red'), 'no image and no bag'),
        (('{text}', 'red'), 'no image that can be read'),
        (('{picture}', 'red', '--out', '/proc/mask.png'), 'cannot be written'),
    ],
)
def test_what_cannot_be_done_is_said(
    make_referring_bundle, picture, tmp_path, capsys, words, reason
):
    text = tmp_path / 'notes.png'
    text.write_text('no image')
    places = {'picture': picture, 'missing': tmp_path / 'none.png', 'text': text}
    assert refer(make_referring_bundle(), *(word.format(**places) for word in words)) == 1
    assert reason in capsys.readouterr().err
