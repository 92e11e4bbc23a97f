"""The pipeline with a network whose answer can be computed by hand."""

import numpy as np
import pytest

from mmseg_ros.core.errors import BundleError, CalibrationError, SampleError
from mmseg_ros.core.types import CloseReason, CloudData, FrameSet, ImageData, SensorSample
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.extrinsics import Rig, load_rig

STAMP_NS = 5_000_000_000


@pytest.fixture
def pipeline(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    backend = create_backend('onnxruntime', threads=1)
    backend.load(bundle)
    yield Pipeline(bundle, backend, load_rig())
    backend.close()


def image(height=96, width=192):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 1] = 200
    pixels[:, width // 2 :, 2] = 100
    return SensorSample('rgb', STAMP_NS, 'camera', ImageData(pixels))


def empty_cloud():
    points = np.zeros(0, [(name, '<f4') for name in ('x', 'y', 'z', 'intensity')])
    return SensorSample('lidar', STAMP_NS, 'lidar', CloudData(points, 1, 0))


def set_of(*samples):
    names = {sample.modality: sample for sample in samples}
    return FrameSet('rgb', STAMP_NS, names, ('rgb', 'lidar'), CloseReason.COMPLETE)


def test_labels_come_at_the_size_of_the_camera(pipeline):
    result = pipeline.process(set_of(image())).result
    assert result.labels.shape == result.confidence.shape == (96, 192)
    assert set(result.labels[:, :96].ravel()) == {1}
    assert set(result.labels[:, 96:].ravel()) == {2}
    assert result.available.tolist() == [True, False]
    assert (result.stamp_ns, result.frame_id) == (STAMP_NS, 'camera')
    assert set(result.stage_ms) == {'align', 'encode', 'infer', 'restore'}


def test_an_image_of_the_networks_size_is_not_resized(pipeline):
    result = pipeline.process(set_of(image(32, 64))).result
    assert result.labels.shape == (32, 64)


def test_both_halves_give_what_the_whole_gives(pipeline):
    frame_set = set_of(image())
    prepared = pipeline.prepare(frame_set)
    assert prepared.images.shape == (2, 32, 64, 3)
    first, second = pipeline.process(frame_set).result, pipeline.complete(prepared).result
    assert (first.labels == second.labels).all()
    assert set(second.stage_ms) == {'align', 'encode', 'infer', 'restore'}


def test_a_frame_is_processed_with_the_rig_that_it_is_given(pipeline):
    prepared = pipeline.prepare(set_of(image()), moved := Rig())
    assert prepared.rig is moved
    assert pipeline.prepare(set_of(image())).rig is pipeline.rig


def test_a_thermal_image_is_encoded_over_the_range_of_the_manifest(make_bundle):
    bundle = make_bundle(
        ('thermal',), height=4, width=4, value_ranges={'thermal': (7000.0, 9000.0)}
    )
    rig = Rig()
    pixels = np.array([[7000, 8000, 9000, 65535]] * 4, np.uint16)
    sample = SensorSample('thermal', 10, 'thermal', ImageData(pixels))
    frame_set = FrameSet('thermal', 10, {'thermal': sample}, ('thermal',), CloseReason.COMPLETE)
    images = Pipeline(bundle, None, rig).prepare(frame_set).images
    assert images[0, 0, :, 0].tolist() == [0, 128, 255, 255]


def test_an_unusable_sample_is_rejected_and_the_others_go_on(pipeline):
    output = pipeline.process(set_of(image(), empty_cloud()))
    assert set(output.rejected) == {'lidar'}
    assert output.result.available.tolist() == [True, False]


def test_a_sample_that_cannot_be_encoded_is_rejected_and_the_others_go_on(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'thermal'))
    backend = create_backend('onnxruntime', threads=1)
    backend.load(bundle)
    deep = SensorSample('rgb', STAMP_NS, 'camera', ImageData(np.ones((32, 64, 3), np.uint16)))
    thermal = SensorSample('thermal', STAMP_NS, 'camera', image(32, 64).payload)
    frame_set = FrameSet(
        'rgb',
        STAMP_NS,
        {'rgb': deep, 'thermal': thermal},
        ('rgb', 'thermal'),
        CloseReason.COMPLETE,
    )
    rig = load_rig().with_registered('thermal')
    output = Pipeline(bundle, backend, rig).process(frame_set)
    assert 'uint8' in output.rejected['rgb']
    assert output.result.available.tolist() == [False, True]
    backend.close()


@pytest.mark.parametrize('error', [CalibrationError, MemoryError, TypeError])
def test_whatever_the_encoding_of_one_raises_the_others_go_on(pipeline, monkeypatch, error):
    from mmseg_ros import pipeline as module

    def fail(name, plane, context):
        if name == failing:
            raise error('boom')
        return encode(name, plane, context)

    encode, failing = module.encode, pipeline.bundle.manifest.modalities[1].encoding
    monkeypatch.setattr(module, 'encode', fail)
    points = np.ones(50, [(name, '<f4') for name in ('x', 'y', 'z', 'intensity')])
    points['x'] = 10
    cloud = SensorSample('lidar', STAMP_NS, 'lidar', CloudData(points, 1, 50))
    output = pipeline.process(set_of(image(), cloud))
    assert output.result.available.tolist() == [True, False]
    assert ('boom' if error is CalibrationError else error.__name__) in output.rejected['lidar']


def test_a_set_without_a_usable_sample_is_rejected_with_every_reason(pipeline):
    thermal = SensorSample('thermal', STAMP_NS, 'camera', image().payload)
    frame_set = FrameSet(
        'lidar',
        STAMP_NS,
        {'lidar': empty_cloud(), 'thermal': thermal},
        ('lidar', 'thermal'),
        CloseReason.COMPLETE,
    )
    with pytest.raises(SampleError, match=r'lidar: .*; thermal: the network has no such input'):
        pipeline.prepare(frame_set)


def test_a_bundle_that_asks_for_an_unknown_encoding_is_rejected(make_bundle, monkeypatch):
    from mmseg_ros import pipeline as module

    bundle = make_bundle(modalities=('rgb',))
    monkeypatch.setattr(module, 'ENCODINGS', {'grey': None})
    with pytest.raises(BundleError, match="'rgb' asks for the encoding 'rgb'"):
        Pipeline(bundle, create_backend('onnxruntime'), Rig())


def test_a_wide_image_is_padded_and_its_labels_come_back_in_place(pipeline):
    prepared = pipeline.prepare(set_of(image(64, 320)))
    # 64 x 320 becomes 13 x 64 in the middle of 32 x 64.
    rgb = prepared.images[0]
    assert not rgb[:9].any()
    assert rgb[9:22].any(axis=-1).all()
    assert not rgb[22:].any()
    valid = prepared.aligned.planes['rgb'].valid
    assert valid[9:22].all()
    assert valid.sum() == 13 * 64
    labels = pipeline.complete(prepared).result.labels
    assert labels.shape == (64, 320)
    assert set(labels[:, :160].ravel()) == {1}
    assert set(labels[:, 160:].ravel()) == {2}


def test_what_a_crop_leaves_out_is_ignored_without_confidence(pipeline):
    pipeline.aspect = 'crop'
    result = pipeline.process(set_of(image(64, 320))).result
    ignored = pipeline.bundle.manifest.label_space.ignore_id
    assert (result.labels[:, :96] == ignored).all()
    assert set(result.labels[:, 96:160].ravel()) == {1}
    assert set(result.labels[:, 160:224].ravel()) == {2}
    assert (result.labels[:, 224:] == ignored).all()
    assert not result.confidence[:, :96].any()


@pytest.mark.parametrize('aspect', ['letterbox', 'crop', 'stretch'])
def test_at_the_networks_aspect_nothing_depends_on_the_parameter(pipeline, aspect):
    expected = pipeline.prepare(set_of(image())).images
    pipeline.aspect = aspect
    assert (pipeline.prepare(set_of(image())).images == expected).all()
