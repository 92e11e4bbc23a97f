"""evaluate and segment-text end with status 1 and one sentence where nothing came out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.cli import main
from mmseg_ros.projection.extrinsics import Rig

S = 1_000_000_000


@pytest.fixture
def evaluate(make_bundle, tmp_path, capsys):
    """Return a function that runs the verb and returns status, what it printed, and its errors."""

    def run(bag, *words, modalities=('rgb', 'depth', 'event', 'lidar')):
        bundle = make_bundle(modalities)
        output = tmp_path / 'scores'
        words = (
            '--bundle',
            str(bundle.path),
            '--subsets',
            'none',
            '--output',
            str(output),
            *words,
        )
        status = main(['evaluate', str(bag), *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def write(path, samples, rig=None, truth=None):
    with BagWriter(path) as bag:
        if rig is not None:
            bag.write_calibration(samples[0].stamp_ns, rig)
        for sample in samples:
            bag.write_sample(sample)
        for stamp_ns, labels in truth or ():
            bag.write_truth_labels(stamp_ns, 'camera', labels)
    return path


def last_line(text):
    return text.strip().splitlines()[-1]


def test_without_labels_the_report_is_written_and_the_status_is_1(
    evaluate, tmp_path, rig, sensor_samples
):
    status, _, err = evaluate(write(tmp_path / 'b', sensor_samples, rig))
    assert status == 1
    assert 'Nothing was scored: b has no labeled pixel or point' in last_line(err)
    assert '--labels names your own ground truth' in last_line(err)
    assert (tmp_path / 'scores' / 'report.html').exists()
    metrics = json.loads((tmp_path / 'scores' / 'metrics.json').read_text())
    assert metrics['sets']['count'] == 10


def test_labels_of_another_time_score_nothing(evaluate, tmp_path, rig, sensor_samples):
    last_ns = max(sample.stamp_ns for sample in sensor_samples)
    late = [(last_ns + 3600 * S, np.zeros((32, 48), np.uint8))]
    status, _, err = evaluate(write(tmp_path / 'b', sensor_samples, rig, late))
    assert status == 1
    assert 'near a frame' in last_line(err)


def test_a_lidar_without_any_pose_says_what_it_lacks(evaluate, tmp_path, sensor_samples):
    clouds = [s for s in sensor_samples if s.modality == 'lidar']
    status, _, err = evaluate(write(tmp_path / 'b', clouds))
    assert status == 1
    assert 'frames of b could be used: ' in last_line(err)
    assert 'lidar' in last_line(err)


def test_clouds_beside_the_image_say_so(evaluate, tmp_path, rig, sensor_samples):
    clouds = []
    for sample in sensor_samples:
        if sample.modality == 'lidar':
            points = sample.payload.points.copy()
            points['x'], points['y'] = -50.0, 0.01
            clouds.append(replace(sample, payload=replace(sample.payload, points=points)))
    status, _, err = evaluate(write(tmp_path / 'b', clouds, rig))
    assert status == 1
    assert 'could be used: ' in last_line(err)
    assert 'falls into the camera image' in last_line(err)


def test_stamps_of_zero_give_no_frame(evaluate, tmp_path, rig, sensor_samples):
    zero = [
        replace(s, stamp_ns=0, received_ns=s.stamp_ns) for s in sensor_samples
        if s.modality in ('rgb', 'depth')
    ]  # fmt: skip
    path = tmp_path / 'b'
    with BagWriter(path) as bag:
        bag.write_calibration(sensor_samples[0].stamp_ns, rig)
        for sample in zero:
            bag.write_sample(sample)
    status, _, err = evaluate(path)
    assert status == 1
    assert 'No frame came out of b: ' in last_line(err)


def test_a_bag_of_other_sensors_names_its_topics(evaluate, tmp_path, rig, sensor_samples):
    images = [s for s in sensor_samples if s.modality == 'rgb']
    bag = write(tmp_path / 'b', images, rig)
    status, _, err = evaluate(bag, modalities=('lidar', 'depth'))
    assert status == 1
    assert 'holds no topic of the modalities that' in err
    assert '/rgb/image_raw' in err


def test_a_bag_without_a_camera_has_nothing_for_a_text_prompt(
    make_referring_bundle, tmp_path, rig, sensor_samples, capsys
):
    clouds = [s for s in sensor_samples if s.modality == 'lidar']
    bag = write(tmp_path / 'b', clouds, Rig({'lidar': rig.mounts['lidar']}))
    bundle = make_referring_bundle()
    assert main(['segment-text', str(bag), 'red', '--bundle', str(bundle.path)]) == 1
    assert 'holds no camera' in last_line(capsys.readouterr().err)


def test_a_lidar_alone_is_scored_in_the_image_that_camera_info_and_poses_tell(
    evaluate, tmp_path, rig, sensor_samples
):
    clouds = [s for s in sensor_samples if s.modality == 'lidar']
    truth = [(s.stamp_ns, np.zeros((32, 48), np.uint8)) for s in clouds]
    status, out, err = evaluate(write(tmp_path / 'b', clouds, rig, truth), modalities=('lidar',))
    assert status == 0, err
    assert out.startswith('lidar ')
    metrics = json.loads((tmp_path / 'scores' / 'metrics.json').read_text())
    assert metrics['recorded'][0]['pixels'] == metrics['sets']['count'] * 32 * 48


def test_what_was_scored_is_printed_where_no_frame_has_all_sensors(
    evaluate, tmp_path, rig, sensor_samples
):
    """A camera whose stamps are all zero takes only itself: the others are scored and shown."""
    truth = [
        (s.stamp_ns, np.zeros((32, 48), np.uint8)) for s in sensor_samples if s.modality == 'lidar'
    ]
    mixed = [
        replace(s, stamp_ns=0, received_ns=s.stamp_ns) if s.modality == 'rgb' else s
        for s in sensor_samples
    ]
    path = tmp_path / 'b'
    with BagWriter(path) as bag:
        bag.write_calibration(sensor_samples[0].stamp_ns, rig)
        for sample in mixed:
            bag.write_sample(sample)
        for stamp_ns, labels in truth:
            bag.write_truth_labels(stamp_ns, 'camera', labels)
    status, out, err = evaluate(path)
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0] == 'No scored frame has all of rgb+depth+event+lidar; as recorded:'
    assert lines[1].startswith('all frames ')
    metrics = json.loads((tmp_path / 'scores' / 'metrics.json').read_text())
    total = metrics['recorded'][0]
    assert total['pixels'] > 0
    assert f'mIoU {total["miou"]:.3f}' in lines[1]
    assert 'stamp zero or negative' in out
