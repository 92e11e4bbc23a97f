"""Cameras and a rig for the projection tests."""

import numpy as np
import pytest

from mmseg_ros.projection import CameraModel, load_rig

DISTORTIONS = {
    'pinhole': ('plumb_bob', []),
    'barrel': ('plumb_bob', [-0.3, 0.1, 0.001, -0.002, -0.01]),
    'pincushion': ('plumb_bob', [0.2, 0.05, -0.001, 0.0005, 0.02]),
    'rational': ('rational_polynomial', [0.3, 0.05, 1e-3, -5e-4, 1e-3, 0.6, 0.1, 3e-3]),
    'fisheye': ('equidistant', [0.05, -0.01, 0.003, -0.001]),
}


@pytest.fixture(params=sorted(DISTORTIONS))
def camera(request) -> CameraModel:
    model, D = DISTORTIONS[request.param]
    K = np.array([[600.0, 0, 639.5], [0, 610.0, 359.5], [0, 0, 1]])
    return CameraModel(width=1280, height=720, K=K, distortion_model=model, D=np.array(D))


@pytest.fixture(scope='session')
def rig():
    return load_rig()
