"""A short recording of four sensors with the results beside them."""

import numpy as np
import pytest

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud

START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 100_000_000
DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'
LOST = 'LOST: silent for 2.0 s'


def report(stamp_ns, lost):
    """Return what the node says of itself, with some sensors lost."""
    types = typestore().types
    value, status = (types[f'diagnostic_msgs/msg/{n}'] for n in ('KeyValue', 'DiagnosticStatus'))

    def made(part, level, text, **values):
        pairs = [value(key=k, value=v) for k, v in values.items()]
        return status(
            level=level, name=f'mmseg: {part}', message=text, hardware_id='', values=pairs
        )

    sensors = [
        made(
            f'sensor {name}',
            2 if name in lost else 0,
            LOST if name in lost else '',
            health='LOST' if name in lost else 'OK',
            rate_hz='10.00',
            topic=f'/{name}/x',
        )
        for name in ('rgb', 'depth', 'event', 'lidar')
    ]
    processing = made('processing', 0, '42 ms latency (p95)', latency_p50_ms='40.5')
    return types[DIAGNOSTICS](
        header=builders.header(stamp_ns, ''),
        status=[made('node', 0, 'active'), *sensors, processing],
    )


def labeled_points(label_space):
    points = CloudData(np.ones(50, [(n, '<f4') for n in 'xyz']), 1, 50)
    labels, confidence = np.full(50, 9, np.uint8), np.ones(50, np.float32)
    return labelled_cloud(points, labels, confidence, label_space.palette())


@pytest.fixture
def recording(tmp_path, sensor_samples, label_space, rig):
    """The path of the bag, three seconds long; the LiDAR is lost in the last one."""
    path = tmp_path / 'labels'
    start_ns = sensor_samples[0].stamp_ns
    with BagWriter(path) as bag:
        info = builders.label_info_message(start_ns, label_space)
        bag.write('/mmseg/label_info', builders.LABEL_INFO, start_ns, info)
        bag.write_camera_info('event', start_ns, rig.camera('event'))
        for sample in sensor_samples:
            bag.write_sample(sample)
        for k in range(30):
            stamp_ns = start_ns + k * PERIOD_NS
            labels = np.full((32, 48), 7, np.uint8)
            labels[:, 24:] = 9
            image = builders.image_message(stamp_ns, 'rgb_optical', labels, 'mono8')
            bag.write('/mmseg/labels', builders.IMAGE, stamp_ns, image)
            cloud = CloudData(labeled_points(label_space), 1, 50)
            message = builders.cloud_message(stamp_ns, 'lidar', cloud)
            bag.write('/mmseg/points', builders.POINT_CLOUD, stamp_ns, message)
            lost = ('lidar',) if k >= 20 else ()
            bag.write('/diagnostics', DIAGNOSTICS, stamp_ns, report(stamp_ns, lost))
    return path
