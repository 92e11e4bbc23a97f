"""A bag whose labels are known, and a network that is right with the camera."""

import numpy as np
import pytest

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.core.types import CloudData, SensorSample
from mmseg_ros.evaluation import network
from mmseg_ros.inference.backend import Prediction
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.manifest import FileEntry, Manifest, ModalitySpec
from mmseg_ros.projection.transforms import transform_points

MODALITIES = ('rgb', 'depth', 'event', 'lidar')
ENCODINGS = ('rgb', 'inverse_depth', 'polarity', 'range_intensity_height')


class LeftRightBackend:
    """Right with the camera: class 0 left, 1 right; without it everything is class 0."""

    name = 'fake'
    precision = 'fp32'

    def settle(self, timeout_s=0.0):
        return True

    def load(self, bundle):
        self.size = bundle.manifest.height, bundle.manifest.width

    def warm_up(self):
        pass

    def close(self):
        pass

    def infer(self, images, available):
        labels = np.zeros(self.size, np.uint8)
        if available[0]:
            labels[:, self.size[1] // 2 :] = 1
        return Prediction(labels, np.full(self.size, 255, np.uint8))


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    monkeypatch.setattr(network, 'create_backend', lambda *_: LeftRightBackend())
    classes = (LabelClass(0, 'left', (255, 0, 0), ''), LabelClass(1, 'right', (0, 255, 0), ''))
    half = (0.5, 0.5, 0.5)
    manifest = Manifest(
        name='fake',
        model='fake',
        model_options={},
        modalities=tuple(
            ModalitySpec(n, e, half, half) for n, e in zip(MODALITIES, ENCODINGS, strict=True)
        ),
        height=32,
        width=48,
        label_space=LabelSpace('two', classes, 255),
        precision='fp32',
        training={},
        metrics={},
        licence='Apache-2.0',
        files={'model.onnx': FileEntry(1, 'abc')},
    )
    return Bundle(tmp_path, manifest)


def labelled(cloud, rig):
    """The cloud with true labels by the side of the image each point falls on, 255 elsewhere."""
    in_camera = transform_points(rig.T('rgb', 'lidar'), cloud.xyz())
    uv, valid = rig.camera('rgb').project(in_camera)
    cloud.points['label'] = np.where(valid, np.round(uv[:, 0]) >= 24, 255)
    return cloud


@pytest.fixture
def bag_path(tmp_path, rig, sensor_samples):
    path = tmp_path / 'drive'
    truth = np.zeros((32, 48), np.uint8)
    truth[:, 24:] = 1
    truth[0] = 255
    stamps = sorted({s.stamp_ns for s in sensor_samples if s.modality == 'rgb'})
    with BagWriter(path) as bag:
        bag.write_calibration(stamps[0], rig)
        for sample in sensor_samples:
            if sample.modality == 'lidar':
                points = sample.payload.points.copy()
                points['x'] = np.abs(points['x']) + 4
                for name in 'yz':
                    points[name] /= 5
                cloud = labelled(CloudData(points, 1, 64), rig)
                bag.write_truth_points(sample.stamp_ns, 'lidar', cloud)
                sample = SensorSample('lidar', sample.stamp_ns, 'lidar', cloud, sample.received_ns)
            if sample.modality == 'depth' and sample.stamp_ns >= stamps[-2]:
                continue
            bag.write_sample(sample)
            if sample.modality == 'rgb':
                bag.write_truth_labels(sample.stamp_ns, 'rgb_optical', truth)
    return path
