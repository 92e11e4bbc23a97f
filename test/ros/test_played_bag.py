"""The labels of a bag played to the node are those of the evaluation of the same bag."""

import csv
import threading
import time

import cv2
import numpy as np
import pytest
import yaml
from sensor_msgs.msg import Image

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.config import (
    CalibrationConfig,
    NodeConfig,
    SensorConfig,
    SyncConfig,
)
from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.evaluation.bags import evaluate
from mmseg_ros.evaluation.exports import ExportPaths
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.messages import decode_image, stamp_ns
from mmseg_ros.ros.tools.player import PlayOptions, play

pytestmark = pytest.mark.ros

SENSORS = ('rgb', 'depth', 'event', 'lidar')
DEADLINE_S = 5.0
SILENCE_S = 60.0
LEAST_COMMON = 4


@pytest.fixture
def drive(tmp_path, rig, sensor_samples):
    """A bag of ten frames and the calibration file of its rig."""
    path, calibration = tmp_path / 'drive', tmp_path / 'rig.yaml'
    calibration.write_text(yaml.safe_dump(rig.to_dict()))
    with BagWriter(path) as bag:
        bag.write_calibration(sensor_samples[0].received_ns, rig)
        for sample in sensor_samples:
            bag.write_sample(sample)
    return path, calibration


def offline_labels(drive, calibration, bundle, folder):
    """Labels by stamp; the collector waits for all sensors, however late, as the node below."""
    config = NodeConfig(
        model=ModelConfig(bundle=str(bundle.path), backend='onnxruntime', threads=1),
        calibration=CalibrationConfig(intrinsics='file'),
        sync=SyncConfig(deadline_s=DEADLINE_S),
        sensors={name: SensorConfig(lost_after_s=SILENCE_S) for name in SENSORS},
    )
    options = EvaluationOptions(
        'none', calibration=calibration, config=config, exports=ExportPaths(masks=folder)
    )
    evaluate(drive, bundle, options)
    rows = list(csv.DictReader((folder / 'frames.csv').open()))
    assert {row['sensors'] for row in rows} == {'+'.join(SENSORS)}
    return {
        int(row['stamp_ns']): cv2.imread(str(folder / row['file']), cv2.IMREAD_UNCHANGED)
        for row in rows
    }


def test_a_played_bag_gets_the_labels_of_its_evaluation(
    graph, listener, make_node, make_bundle, drive, tmp_path
):
    path, calibration = drive
    bundle = make_bundle()
    offline = offline_labels(path, calibration, bundle, tmp_path / 'masks')
    assert len(offline) == 10
    make_node(
        str(bundle.path),
        model__backend='onnxruntime',
        model__threads=1,
        calibration__file=str(calibration),
        calibration__intrinsics='file',
        sync__deadline_s=DEADLINE_S,
        **{f'sensors__{name}__lost_after_s': SILENCE_S for name in SENSORS},
    )
    listener.listen(Image, '/mmseg/labels', 50)
    stop = threading.Event()
    thread = threading.Thread(target=play, args=(path, PlayOptions(rate=0.2, wait_s=15), stop))
    thread.start()
    found = listener.messages['/mmseg/labels']
    graph.spin_until(lambda: len(found) == len(offline) or not thread.is_alive(), 90)
    ended_s = time.monotonic() + 3
    graph.spin_until(lambda: len(found) == len(offline) or time.monotonic() > ended_s, 4)
    stop.set()
    thread.join()
    live = {stamp_ns(message.header): decode_image(message).pixels for message in found}
    common = sorted(live.keys() & offline.keys())
    assert len(common) >= LEAST_COMMON, (sorted(live), sorted(offline))
    for stamp in common:
        np.testing.assert_array_equal(live[stamp], offline[stamp])
    assert len({offline[stamp].tobytes() for stamp in common}) == len(common)
