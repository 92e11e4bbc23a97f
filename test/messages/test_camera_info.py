"""CameraInfo as its definition says."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import camera_info_fields, decode_camera_info
from mmseg_ros.projection import CameraModel

K = [500.0, 0, 320, 0, 510, 240, 0, 0, 1]


def roi(x=0, y=0, width=0, height=0):
    return SimpleNamespace(x_offset=x, y_offset=y, width=width, height=height)


def info(message, **changes):
    fields = {
        'width': 640,
        'height': 480,
        'distortion_model': 'plumb_bob',
        'd': [-0.1, 0.02, 0.001, 0.002, 0.0],
        'k': np.array(K),
        'r': np.eye(3).ravel(),
        'p': [500.0, 0, 320, 0, 0, 510, 240, 0, 0, 0, 1, 0],
        'roi': roi(),
        'binning_x': 0,
        'binning_y': 0,
    }
    return message(**{**fields, **changes})


def test_camera_survives_its_message(message):
    camera = decode_camera_info(info(message))
    fields = camera_info_fields(camera)
    assert decode_camera_info(message(roi=roi(), **fields)) == camera
    assert all(fields[n].ndim == 1 for n in 'dkrp')


def test_region_of_interest_and_binning_give_the_delivered_image(message):
    full = decode_camera_info(info(message))
    part = decode_camera_info(info(message, roi=roi(101, 50, 321, 200), binning_x=2, binning_y=4))
    assert (part.width, part.height) == (160, 50)
    points = np.array([[0.05, -0.1, 1.0], [-0.1, 0.05, 1.0]])
    expected = (full.project(points)[0] - [101, 50] + 0.5) / [2, 4] - 0.5
    np.testing.assert_allclose(part.project(points)[0], expected, atol=1e-9)


@pytest.mark.parametrize(
    ('model', 'd', 'canonical'),
    [
        ('', [], 'plumb_bob'),
        ('', [0, 0, 0, 0, 0, 0], 'plumb_bob'),
        ('plumb_bob', [0.1, 0, 0, 0, 0, 0, 0, 0], 'plumb_bob'),
        ('fisheye', [0.1, 0, 0, 0], 'equidistant'),
        ('rational_polynomial', [0.1] * 8 + [0] * 4, 'rational_polynomial'),
    ],
)
def test_names_and_lengths_of_distortion(message, model, d, canonical):
    camera = decode_camera_info(info(message, distortion_model=model, d=d))
    assert camera.distortion_model == canonical


def test_upper_case_names_of_ros_1(message):
    msg = info(message)
    for name in 'dkrp':
        setattr(msg, name.upper(), getattr(msg, name))
        delattr(msg, name)
    assert decode_camera_info(msg).K[0, 0] == 500


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'k': [0.0] * 9}, "'sensor'.*not calibrated"),
        ({'k': [np.nan] * 9}, 'K must be finite'),
        ({'k': [1.0] * 8}, 'K must hold 9'),
        ({'d': [np.nan] * 5}, 'D must be finite'),
        ({'width': 0}, '0 x 480'),
        ({'distortion_model': 'mei'}, "'mei'"),
        ({'roi': roi(600, 0, 100, 100)}, 'leaves the 640 x 480'),
        ({'roi': roi(0, 0, 100, 0)}, 'Region of interest'),
        ({'binning_x': 641}, 'leaves no pixel'),
        ({'d': None}, 'cannot be read'),
    ],
)
def test_faults_are_named(message, changes, named):
    with pytest.raises(SampleError, match=named):
        decode_camera_info(info(message, **changes))


def test_a_missing_matrix_p_falls_back_to_k(message):
    camera = decode_camera_info(info(message, p=[0.0] * 12, r=[0.0] * 9))
    assert isinstance(camera, CameraModel)
    np.testing.assert_array_equal(camera.P[:, :3], camera.K)


def test_a_k_of_zeros_beside_a_good_p_names_the_remedy(message):
    msg = info(message, k=np.zeros(9))
    with pytest.raises(SampleError, match=r'K is zero.*and P is not.*rectified: true'):
        decode_camera_info(msg)
    assert decode_camera_info(msg, rectified=True).K[0, 0] == 500.0
    with pytest.raises(SampleError, match='not calibrated'):
        decode_camera_info(info(message, k=np.zeros(9), p=np.zeros(12)))


def test_an_empty_model_without_coefficients_is_a_lens_without_distortion(message):
    camera = decode_camera_info(info(message, d=[], distortion_model=''))
    assert camera.D.size == 0 or not camera.D.any()
    np.testing.assert_array_equal(camera.K.ravel(), K)
