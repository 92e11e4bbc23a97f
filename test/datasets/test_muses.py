"""MUSES: points land where the geometry says, moved by GNSS, raw and projected alike."""

import json
import shutil

import muses_miniature as mini
import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.gnss import read_gnss
from mmseg_ros.datasets.muses_projected import SCALE, SHIFT, projected_image
from mmseg_ros.datasets.muses_sensors import radar_points
from mmseg_ros.datasets.options import ReadOptions
from mmseg_ros.datasets.reader import open_dataset

FOUR = ('rgb', 'event', 'lidar', 'radar')


@pytest.fixture
def root(tmp_path):
    mini.write_tree(tmp_path)
    return tmp_path


def frames_of(root, split='train', modalities=FOUR, conditions=(), **options):
    space = load_label_space('muses')
    return open_dataset(root, split, modalities, space, conditions, options=ReadOptions(**options))


def _centre(shown):
    rows, columns = np.nonzero(shown)
    return rows.mean(), columns.mean(), len(rows)


def test_points_are_moved_to_the_exposure_and_none_is_mirrored(root):
    lidar = frames_of(root, modalities=('lidar',))[0].images[0]
    # 10 m ahead and 2 m to the left: column 96 - 100 * 2 / 10 in the image of 192 columns.
    left, ahead = lidar[:, :86], lidar[:, 86:]
    row, column, count = _centre(left[..., 0] > 0)
    assert (row, column, count) == (pytest.approx(54, abs=0.8), pytest.approx(76, abs=0.8), 9)
    row, column, count = _centre(ahead[..., 0] > 0)
    assert (row, column, count) == (pytest.approx(54, abs=0.8), pytest.approx(10, abs=0.8), 9)
    assert ahead[..., 1].max() == 255  # full intensity is 255
    assert left[..., 1].max() == pytest.approx(128, abs=1)


def test_without_motion_the_point_stays_where_it_was_measured(root):
    for path in root.rglob('*_gnss.txt'):
        path.write_text(' '.join(['0'] * 28))
    read_gnss.cache_clear()
    lidar = frames_of(root, modalities=('lidar',))[0].images[0]
    _, column, _ = _centre(lidar[:, :86, 0] > 0)
    assert column == pytest.approx(96 - 100 * 2 / 9, abs=0.8)
    read_gnss.cache_clear()


def test_radar_keeps_valid_echoes_in_view(root):
    path = next(root.glob('radar/train/*/*/*.png'))
    xyz, strength, seconds = radar_points(path)
    assert strength.tolist() == [200]  # not the vehicle's own echo, not the invalid azimuth
    assert xyz[0] == pytest.approx([30.0, 0.0, -1.62], abs=0.03)
    assert seconds[0] == pytest.approx(mini.MIDDLE_S, abs=1e-5)
    radar = frames_of(root, modalities=('radar',))[0].images[0]
    row, column, _ = _centre(radar[..., 0] > 0)
    assert (row, column) == (pytest.approx(54 + 100 * 1.62 / 30, abs=1), pytest.approx(96, abs=1))


def test_events_of_the_last_30_ms_count(root):
    event = frames_of(root, modalities=('event',))[0].images[0]
    assert (event[..., 0] > 0).any()  # the rise
    assert not event[..., 2].any()  # the falls are older
    row, column, _ = _centre(event[..., 0] > 0)
    assert row == pytest.approx(54 + (500 - 360) / 7, abs=1)
    assert column == pytest.approx(96, abs=1)


def test_ignored_pixels_stay_ignored_but_in_the_legacy_protocol(root):
    labels = frames_of(root)[0].labels
    assert labels.shape == (mini.H, mini.W)
    assert set(np.unique(labels)) == {0, 18, 255}
    legacy = frames_of(root, modalities=('rgb',), protocol='legacy')[0]
    assert legacy.labels.shape == (1024, 1024)
    assert set(np.unique(legacy.labels)) == {0, 18}


def test_weather_and_time_are_conditions(root):
    names = [frame.name for frame in (frames_of(root, modalities=('rgb',))[i] for i in range(2))]
    assert names == ['clear/day/REC0001_frame_000001', 'fog/night/REC0002_frame_000002']
    assert len(frames_of(root, modalities=('rgb',), conditions=['night'])) == 1
    with pytest.raises(DatasetError, match='snow'):
        frames_of(root, modalities=('rgb',), conditions=['snow'])


@pytest.mark.parametrize('suffix', ['.npz', '.npy', '.png'])
def test_the_projected_variant_says_the_same(tmp_path, suffix):
    import cv2

    values = np.zeros((20, 30, 3), np.float32)
    values[10, 15] = 40.0, 128.0, -1.2
    values[4, 3] = 5.0, 255.0, 2.0
    path = tmp_path / f'a_lidar{suffix}'
    if suffix == '.png':
        cv2.imwrite(str(path), ((values + SHIFT) * SCALE).astype(np.uint16))
    else:
        (np.savez_compressed if suffix == '.npz' else np.save)(path, values)
    image = projected_image(path, 'lidar', 'range_intensity_height')
    assert np.count_nonzero(image[..., 0]) == 18  # two points of 3 x 3 pixels, nothing elsewhere
    assert image[10, 15, 0] == round(1 + 254 * 0.6)
    assert image[10, 15, 1] == pytest.approx(128, abs=1)
    assert image[4, 3, 2] == pytest.approx(1 + 20 * 4, abs=1)


def test_projected_folders_are_taken_where_the_raw_ones_are_not(root):
    for folder, ending in (('lidar', '.bin'), ('event_camera', '.h5')):
        for raw in sorted(root.glob(f'{folder}/*/*/*/*{ending}')):
            target = root / 'projected_to_rgb' / raw.relative_to(root).with_suffix('.npz')
            target.parent.mkdir(parents=True, exist_ok=True)
            values = np.zeros((mini.H, mini.W, 3), np.float32)
            values[5, 6, 0] = 3.0
            np.savez_compressed(target, values)
        shutil.rmtree(root / folder)
    frame = frames_of(root, modalities=('rgb', 'event', 'lidar'))[0]
    assert frame.images[2, 5, 6, 0] == round(1 + 254 * 0.97)
    assert frame.images[1, 5, 6].tolist() == [255, 0, 0]
    next((root / 'projected_to_rgb').rglob('*_lidar.npz')).write_bytes(b'PK\x03\x04 cut')
    with pytest.raises(DatasetError, match=r'_lidar\.npz is no readable array'):
        frames_of(root, modalities=('lidar',))[0]


def test_what_is_damaged_is_named(root):
    lidar = next(root.glob('lidar/train/clear/*/*.bin'))
    lidar.write_bytes(lidar.read_bytes()[:-8])
    with pytest.raises(DatasetError, match=f'{lidar.name}.*6 columns'):
        frames_of(root, modalities=('lidar',))[0]
    event = next(root.glob('event_camera/train/clear/*/*.h5'))
    event.write_bytes(event.read_bytes()[:300])
    with pytest.raises(DatasetError, match=event.name):
        frames_of(root, modalities=('event',))[0]
    meta = json.loads((root / 'meta.json').read_text())
    for entry in meta.values():
        del entry['path_to_frame_camera']
    (root / 'meta.json').write_text(json.dumps(meta))
    with pytest.raises(DatasetError, match=r'meta\.json'):
        frames_of(root, modalities=('lidar',))
