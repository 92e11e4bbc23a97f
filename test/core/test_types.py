import numpy as np

from mmseg_ros.core.types import (
    CloseReason,
    CloudData,
    FrameSet,
    ImageData,
    SensorSample,
)


def _sample(modality: str, stamp_ns: int) -> SensorSample:
    return SensorSample(modality, stamp_ns, 'frame', ImageData(np.zeros((2, 2), np.uint8)))


def test_frame_set_tells_availability_and_ages_in_order():
    frame_set = FrameSet(
        'rgb',
        1000,
        {'lidar': _sample('lidar', 1010), 'rgb': _sample('rgb', 1000)},
        ('rgb', 'depth', 'lidar'),
        CloseReason.DEADLINE,
    )
    assert frame_set.available.tolist() == [True, False, True]
    assert frame_set.ages_ns == {'lidar': -10, 'rgb': 0}


def test_cloud_coordinates_come_from_the_named_fields():
    points = np.zeros(3, [('z', '<f8'), ('pad', 'u1'), ('x', '<f4'), ('y', '<f4')])
    points['x'], points['y'], points['z'] = [1, 2, 3], 5, 7
    xyz = CloudData(points, 1, 3).xyz()
    assert xyz.dtype == np.float32
    assert xyz.tolist() == [[1, 5, 7], [2, 5, 7], [3, 5, 7]]
