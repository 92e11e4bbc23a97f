"""What stands in the 8-bit images."""

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError, ConfigError, SampleError
from mmseg_ros.core.modalities import STANDARD_ENCODINGS
from mmseg_ros.core.types import STANDARD_MODALITIES, EventData, Plane
from mmseg_ros.encoding import ENCODINGS, EncodingContext, encode, event_channels
from mmseg_ros.projection import CameraModel, event_plane
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION

CHANNELS = {
    'rgb': 3, 'grey': 1, 'hha': 1, 'inverse_depth': 1, 'polarity': 2,
    'range_intensity_height': 3, 'aolp_sincos': 1, 'dolp': 1, 'voxel_grid': 7, 'time_surface': 7,
}  # fmt: skip


@pytest.fixture
def context():
    T_base_camera = np.eye(4)
    T_base_camera[:3, :3] = T_OPTICAL_BODY_ROTATION.T
    T_base_camera[:3, 3] = [1.2, 0, 1.5]
    return EncodingContext(CameraModel.from_fov(64, 48, 70), T_base_camera)


def plane(values, valid=None):
    values = np.asarray(values)
    values = values[..., None] if values.ndim == 2 else values
    return Plane(values, np.ones(values.shape[:2], bool) if valid is None else valid)


def test_every_standard_modality_has_a_default():
    assert set(STANDARD_ENCODINGS) == set(STANDARD_MODALITIES)
    assert set(STANDARD_ENCODINGS.values()) <= set(ENCODINGS)


@pytest.mark.parametrize('name', sorted(ENCODINGS))
def test_every_encoding_gives_three_bytes_and_leaves_its_input_alone(name, context):
    dtype = np.uint8 if name == 'rgb' else np.float32
    values = np.full((48, 64, CHANNELS[name]), 1, dtype)
    valid = np.ones((48, 64), bool)
    valid[5, 6] = False
    image = encode(name, Plane(values, valid), context)
    assert (image.shape, image.dtype) == ((48, 64, 3), np.uint8)
    assert (values == 1).all()
    with pytest.raises(SampleError, match='channels'):
        encode(name, Plane(np.zeros((48, 64, 9), dtype), valid), context)


def test_unknown_encodings_are_named():
    with pytest.raises(ConfigError, match=r'jet.*rgb'):
        encode('jet', plane(np.zeros((2, 2))), EncodingContext())


def test_rgb_repeats_a_grey_image():
    image = encode('rgb', plane(np.uint8([[3, 4]])), EncodingContext())
    assert image.tolist() == [[[3, 3, 3], [4, 4, 4]]]
    with pytest.raises(SampleError, match='uint8'):
        encode('rgb', plane(np.zeros((2, 2, 3), np.uint16)), EncodingContext())


def test_grey_scales_the_range_of_the_manifest():
    thermal = plane(np.uint16([[7000, 8000, 9000, 9999]]))
    image = encode('grey', thermal, EncodingContext(value_range=(7000, 9000)))
    assert image[0, :, 0].tolist() == [0, 128, 255, 255]
    assert encode('grey', plane(np.uint16([[0, 65535]])), EncodingContext())[0, :, 0].tolist() == [
        0,
        255,
    ]
    with pytest.raises(SampleError, match='int64'):
        encode('grey', plane(np.zeros((2, 2), np.int64)), EncodingContext())


def test_polarity_is_red_and_blue():
    counts = np.float32([[[0, 0], [3, 0], [0, 1], [2, 2]]])
    image = encode('polarity', plane(counts), EncodingContext())
    assert image.tolist() == [[[0, 0, 0], [255, 0, 0], [0, 0, 255], [255, 0, 255]]]


def test_inverse_depth_falls_and_tells_far_from_invalid():
    depth = np.float32([[0, 1, 2, 8, 50, 1e6]])
    image = encode('inverse_depth', plane(depth, depth > 0), EncodingContext())
    assert image[0, :, 0].tolist() == [0, 255, 255, 128, 51, 1]


def test_aolp_is_sine_cosine_sine():
    image = encode('aolp_sincos', plane(np.float32([[0, np.pi / 2]])), EncodingContext())
    assert image.tolist() == [[[128, 255, 128], [255, 128, 255]]]
    pair = encode('aolp_sincos', plane(np.float32([[[-1, 0]]])), EncodingContext())
    assert pair.tolist() == [[[1, 128, 1]]]


def test_lidar_points_cover_three_by_three_and_the_nearest_wins():
    values = np.zeros((5, 8, 3), np.float32)
    values[2, 2], values[2, 4] = [50, 0.5, 0], [20, 1, 3]
    valid = np.zeros((5, 8), bool)
    valid[2, [2, 4]] = True
    image = encode('range_intensity_height', Plane(values, valid), EncodingContext())
    far, near = [128, 128, 41], [204, 255, 101]
    assert image[2, 2].tolist() == far
    assert image[1, 1].tolist() == far
    assert image[2, 4].tolist() == near
    assert image[1, 3].tolist() == near
    assert not image[0].any()
    assert (image[..., 0] > 0).sum() == 15


class TestHha:
    """A flat street with a wall at 20 m, seen from 1.5 m."""

    @pytest.fixture
    def street(self, context):
        rays = context.camera.rays.astype(np.float64)
        with np.errstate(divide='ignore'):
            ground = np.where(rays[..., 1] > 0, 1.5 / rays[..., 1], np.inf)
        return np.minimum(ground, 20.0).astype(np.float32)

    def test_ground_and_wall(self, context, street):
        image = encode('hha', plane(street), context)
        on_ground = street < 18
        assert np.abs(image[on_ground, 1].astype(int) - 20).max() <= 1
        assert np.abs(image[44:, :, 2].astype(int) - 38).max() <= 1
        wall = image[:20]
        assert np.abs(wall[..., 2].astype(int) - 128).max() <= 1
        assert (wall[..., 0] == round(255 * 5 / 20)).all()
        height = 1.5 - 20 * context.camera.rays[10, 10, 1]
        assert wall[10, 10, 1] == round(float(20 * (height + 1)))

    def test_ceiling_points_down(self, context):
        depth = np.full((48, 64), np.nan, np.float32)
        rays = context.camera.rays
        depth[:16] = 1.0 / -rays[:16, :, 1]
        valid = np.isfinite(depth)
        image = encode('hha', Plane(np.nan_to_num(depth)[..., None], valid), context)
        assert np.abs(image[2:8, :, 2].astype(int) - 218).max() <= 1
        assert not image[~valid].any()

    def test_edges_do_not_tilt_the_surfaces_beside_them(self, context):
        depth = np.full((48, 64), 20.0, np.float32)
        depth[:, 30:] = 5.0
        angles = encode('hha', plane(depth), context)[..., 2]
        assert np.abs(angles.astype(int) - 128).max() <= 1

    def test_lone_pixels_do_not_crash(self, context):
        valid = np.zeros((48, 64), bool)
        valid[10, 10] = valid[0, 0] = valid[47, 63] = True
        image = encode('hha', plane(np.full((48, 64), 3.0, np.float32), valid), context)
        assert (image.any(axis=2) == valid).all()

    def test_missing_calibration_is_named(self):
        with pytest.raises(CalibrationError, match='base_link'):
            encode('hha', plane(np.ones((2, 2), np.float32)), EncodingContext())


@pytest.fixture
def event_plane_of_a_window():
    """One pixel rises at the start and falls in the middle, one rises five times at the end."""
    camera = CameraModel.from_fov(8, 6, 70)
    x, y = np.uint16([2, 2, *[5] * 5]), np.uint16([1, 1, *[4] * 5])
    stamps = np.int64([100, 150, *[199] * 5])
    events = EventData(x, y, stamps, np.array([1, 0, 1, 1, 1, 1, 1], bool), 8, 6)
    return event_plane(events, np.eye(4), camera, camera, (100, 200))


def test_voxel_grid_tells_when_and_in_which_direction(event_plane_of_a_window):
    image = encode('voxel_grid', event_plane_of_a_window, EncodingContext())
    assert image[1, 2].tolist() == [160, 96, 128]
    assert image[4, 5].tolist() == [128, 131, 255]
    assert image[0, 0].tolist() == [128, 128, 128]


def test_time_surface_fades_towards_the_start(event_plane_of_a_window):
    image = encode('time_surface', event_plane_of_a_window, EncodingContext())
    assert image[1, 2].tolist() == [35, 0, 94]
    assert image[4, 5].tolist() == [250, 0, 0]
    assert image[0, 0].tolist() == [0, 0, 0]


def test_polarity_is_the_same_from_counts_alone(event_plane_of_a_window):
    full = event_plane_of_a_window
    counts = Plane(full.values[..., :2], full.valid)
    image = encode('polarity', full, EncodingContext())
    np.testing.assert_array_equal(image, encode('polarity', counts, EncodingContext()))
    assert image[1, 2].tolist() == [255, 0, 255]


@pytest.mark.parametrize('name', ['polarity', 'voxel_grid', 'time_surface'])
def test_the_channels_an_encoding_of_events_looks_at_are_enough(name):
    values = np.random.default_rng(0).integers(0, 3, (6, 8, 7)).astype(np.float32)
    valid = np.ones((6, 8), bool)
    needed = values[..., : event_channels(name)]
    few, all_of_them = (encode(name, Plane(v, valid), EncodingContext()) for v in (needed, values))
    assert few.any()
    np.testing.assert_array_equal(few, all_of_them)
    assert event_channels('polarity') == 2
