"""MCubeS: the border is cut, pixels outside the near infrared image are not labeled."""

import numpy as np
import pytest
from miniatures import H, W, mcubes

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.options import ReadOptions
from mmseg_ros.datasets.reader import open_dataset

ALL = ('rgb', 'aolp', 'dolp', 'nir')


@pytest.fixture
def root(tmp_path):
    mcubes(tmp_path)
    return tmp_path


def frames_of(root, split='train', modalities=ALL, **options):
    space = load_label_space('mcubes')
    return open_dataset(root, split, modalities, space, options=ReadOptions(**options))


def test_the_left_border_is_cut_everywhere(root):
    frame = frames_of(root)[0]
    assert frame.labels.shape == (H, W)
    assert set(np.unique(frame.labels)) == {0, 5, 19, 255}


def test_pixels_without_infrared_count_only_without_infrared(root):
    with_nir = frames_of(root)[0].labels
    without = frames_of(root, modalities=('rgb', 'aolp'))[0].labels
    assert (with_nir[:, :8] == 255).all()
    assert (without[:, :8] == 0).all()
    assert np.array_equal(with_nir[:, 8:], without[:, 8:])


def test_angles_are_sine_cosine_sine_and_nan_is_nothing(root):
    frame = frames_of(root)[0]
    aolp, dolp = frame.images[1], frame.images[2]
    stored = np.load(root / 'polL_aolp_sin' / 'a.npy')[:, 192:]
    expected = np.rint(128 + 127 * np.clip(stored, -1, 1))
    known = np.isfinite(stored)
    assert np.array_equal(aolp[known][:, 0], expected[known].astype(np.uint8))
    assert np.array_equal(aolp[..., 0], aolp[..., 2])
    assert aolp[0, 8].tolist() == [0, 0, 0]
    assert dolp[0, 8].tolist() == [0, 0, 0]
    assert dolp.max() == 255
    assert dolp.min() == 0


def test_sixteen_bit_colors_keep_their_upper_bits(root):
    frame = frames_of(root)[0]
    assert frame.images[0].std() > 50


def test_val_is_val_and_test_is_test_but_in_the_legacy_protocol(root):
    assert [frames_of(root, split)[0].name for split in ('val', 'test')] == ['c', 'e']
    assert frames_of(root, 'val', protocol='legacy')[0].name == 'e'


def test_other_materials_are_listed_with_counts(root):
    import cv2

    path = root / 'GT' / 'a.png'
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    labels[0, 200:203] = 20
    labels[1, 200] = 99
    cv2.imwrite(str(path), labels)
    with pytest.raises(DatasetError, match=r'a\.png.*20 \(3 px\), 99 \(1 px\).*0\.\.19, 255'):
        frames_of(root)[0]
    with pytest.raises(DatasetError, match='20 classes'):
        open_dataset(root, 'train', ALL, load_label_space('cityscapes'))
