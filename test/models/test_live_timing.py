"""Held and misaligned planes of training frames: what moves, how far, and what never does."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_models.live_timing import DISTANCES, LiveTiming, aged, misaligned
from mmseg_models.training.config import AugmentationConfig
from mmseg_models.training.recipe_parser import parse_recipe
from mmseg_models.transforms import Augmentation
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Plane
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.projection.camera import CameraModel

PLAIN = Augmentation(
    height=48, width=64, crop_height=48, crop_width=64, scale_min=1.0, scale_max=1.0,
    flip_probability=0.5, jitter_probability=0.5, jitter_strength=0.5, blur_probability=0.0,
    ignore_id=255,
)  # fmt: skip
ENCODED = {'depth': 'inverse_depth', 'lidar': 'range_intensity_height', 'event': 'polarity'}
NAMES = ('rgb', 'depth', 'event', 'lidar')


def frame(seed=3, height=48, width=64):
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 255, (4, height, width, 3)).astype(np.uint8)
    return LabelledFrame('f', NAMES, images, rng.integers(0, 25, (height, width)).astype(np.uint8))


def point(row, column, code, size=(61, 81)):
    plane = np.zeros((*size, 3), np.uint8)
    plane[row, column] = code
    return plane


@pytest.mark.parametrize(
    ('encoding', 'meters'),
    [
        ('inverse_depth', (4.0, 20.0)),
        ('range_intensity_height', (6.0, 60.0)),
        ('hha', (8.0, 40.0)),
    ],
)
def test_distances_are_those_that_were_encoded(encoding, meters):
    camera = CameraModel.from_fov(64, 40, 70.0)
    values = np.full((40, 64, 1), meters[0], np.float32)
    values[:, : values.shape[1] // 2] = meters[1]
    if encoding == 'range_intensity_height':
        values = np.repeat(values, 3, axis=2)
    context = EncodingContext(camera, np.eye(4))
    code = encode(encoding, Plane(values, np.ones(values.shape[:2], bool)), context)[..., 0]
    found = DISTANCES[encoding](code.astype(np.float64))
    np.testing.assert_allclose(found, values[..., 0], rtol=0.05)


def test_what_was_measured_before_lies_closer_to_the_middle_near_things_most():
    # Inverse depth 255 is 2 m, 80 is 20 m; the middle of the image is (30, 40).
    near = aged(point(10, 40, 255), 'inverse_depth', 2.0)
    far = aged(point(10, 40, 80), 'inverse_depth', 2.0)
    assert np.argwhere(near[..., 0]).tolist() == [[20, 40]]  # 20 rows x 2 / (2 + 2)
    assert np.argwhere(far[..., 0]).tolist() == [[12, 40]]  # 20 rows x 20.3 / 22.3
    middle = aged(point(30, 40, 255), 'inverse_depth', 2.0)
    assert np.argwhere(middle[..., 0]).tolist() == [[30, 40]]


def test_where_two_meet_the_nearer_one_stays():
    plane = point(10, 40, 255) + point(8, 40, 80)
    seen = aged(plane, 'inverse_depth', 2.0)
    both = [tuple(place) for place in np.argwhere(seen[..., 0]).tolist()]
    assert both == [(10, 40), (20, 40)]
    crowd = np.full((61, 81, 3), 80, np.uint8)
    crowd[20:41, 20:61] = 255
    assert (aged(crowd, 'inverse_depth', 0.5)[25:36, 25:56] == 255).all()


def test_what_has_no_distance_and_what_did_not_move_stays():
    plane = frame().images[1]
    assert np.array_equal(aged(plane, 'polarity', 5.0), plane)
    assert np.array_equal(aged(plane, 'inverse_depth', 0.0), plane)
    empty = np.zeros((5, 5, 3), np.uint8)
    assert not aged(empty, 'hha', 3.0).any()


def test_a_plane_is_shifted_and_turned_as_a_whole():
    moved = misaligned(point(10, 20, 7), (3.0, -2.0), 0.0)
    assert np.argwhere(moved[..., 0]).tolist() == [[8, 23]]
    turned = misaligned(point(30, 60, 7), (0.0, 0.0), 90.0)
    assert np.argwhere(turned[..., 0]).tolist() == [[10, 40]]  # counterclockwise


def test_off_it_changes_nothing_and_draws_nothing():
    rng = np.random.default_rng(4)
    assert LiveTiming().is_off
    assert LiveTiming()(frame(), rng) is not None
    assert rng.random() == np.random.default_rng(4).random()
    with_it = replace(PLAIN, live_timing=LiveTiming())
    first = with_it(frame(), np.random.default_rng(7))
    assert np.array_equal(first.images, PLAIN(frame(), np.random.default_rng(7)).images)


def test_only_lidar_and_depth_age():
    before = frame()
    old = LiveTiming(age_probability=1.0, age_max_s=2.0, speed_max_mps=60.0, encodings=ENCODED)
    after = old(before, np.random.default_rng(1))
    changed = [not np.array_equal(a, b) for a, b in zip(before.images, after.images, strict=True)]
    assert dict(zip(NAMES, changed, strict=True)) == {
        'rgb': False, 'depth': True, 'event': False, 'lidar': True,
    }  # fmt: skip
    assert np.array_equal(before.labels, after.labels)


def test_all_but_the_camera_may_be_misaligned():
    before = frame()
    after = LiveTiming(misalign_probability=1.0)(before, np.random.default_rng(1))
    changed = [not np.array_equal(a, b) for a, b in zip(before.images, after.images, strict=True)]
    assert changed == [False, True, True, True]
    assert np.array_equal(before.labels, after.labels)


def test_planes_differ_in_how_far_they_are_off():
    plane = point(30, 40, 9)
    same = LabelledFrame('f', ('depth', 'lidar'), np.stack([plane] * 2), plane[..., 0])
    off = LiveTiming(misalign_probability=1.0, misalign_px=8.0)
    after = off(same, np.random.default_rng(2)).images
    assert not np.array_equal(after[0], after[1])
    again = off(same, np.random.default_rng(2)).images
    assert np.array_equal(after, again)


def test_a_chance_of_a_half_leaves_about_half_of_the_planes():
    half = LiveTiming(misalign_probability=0.5, misalign_px=9.0)
    moved = [
        not np.array_equal(half(frame(), np.random.default_rng(i)).images[3], frame().images[3])
        for i in range(60)
    ]
    assert 15 < sum(moved) < 45


def test_the_recipe_takes_the_options_and_has_them_off(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(
        'run_dir: out\ndata: {root: set}\n'
        'augmentation: {age_probability: 0.3, age_max_s: 0.2, misalign_probability: 0.1}\n'
    )
    given = ['--config', str(path), '--augmentation.misalign_deg', '1.5']
    augmentation = parse_recipe(given).augmentation
    assert (augmentation.age_probability, augmentation.age_max_s) == (0.3, 0.2)
    assert (augmentation.misalign_probability, augmentation.misalign_deg) == (0.1, 1.5)
    assert AugmentationConfig().age_probability == 0.0
    assert AugmentationConfig().misalign_probability == 0.0
    with pytest.raises(ConfigError, match='age_probability'):
        AugmentationConfig(age_probability=1.5)
