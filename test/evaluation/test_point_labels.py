"""Which clouds the alignment has moved already, and which must be moved by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.core.types import CloseReason, CloudData, FrameSet, SensorSample
from mmseg_ros.evaluation.point_labels import geometry_for
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.frame_geometry import FrameGeometry

FIELDS = [(name, '<f4') for name in 'xyz']


def cloud(label=True, stamp_ns=7, moved=0.0, times=None, count=3):
    points = np.zeros(count, FIELDS + [('label', 'u1')] * label)
    points['x'] = np.arange(count) + moved
    return SensorSample('lidar', stamp_ns, 'lidar', CloudData(points, 1, count, times))


TIMES = np.array([1, 2, 3])
OWN = cloud(label=False, times=TIMES)
FRAME = FrameSet('rgb', 9, {'lidar': OWN}, ('rgb', 'lidar'), CloseReason.COMPLETE)


def is_shared(truth, frame=FRAME):
    aligned = FrameGeometry(Rig(), frame.stamp_ns)
    found = geometry_for(truth, frame, aligned, None)
    assert found.rig is aligned.rig
    return found is aligned


def test_the_points_of_the_frame_are_moved_once():
    assert is_shared(cloud(times=TIMES.copy()))
    assert is_shared(None)
    timeless = replace(FRAME, samples={'lidar': cloud(label=False)})
    assert is_shared(cloud(), timeless)


@pytest.mark.parametrize(
    'other',
    [
        {'times': TIMES, 'moved': 1e-3},
        {'times': TIMES, 'stamp_ns': 8},
        {'times': TIMES + 1},
        {'times': None},
        {'times': TIMES[:2], 'count': 2},
    ],
)
def test_other_points_are_moved_by_themselves(other):
    assert not is_shared(cloud(**other))
    assert not is_shared(cloud(times=TIMES), replace(FRAME, samples={}))
