"""Labels of an evaluation as a bag that other libraries read, and as images."""

import csv
import json
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from mmseg_ros import cli
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.result_bag import recorded_topic
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.evaluation.bags import evaluate
from mmseg_ros.evaluation.exports import ExportPaths
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.labelling.points import labelled_cloud

HEIGHT, WIDTH = 32, 48
TOPICS = ('/mmseg/labels', '/mmseg/confidence', '/mmseg/color', '/mmseg/points')


def write_drive(path, rig, samples, without=()):
    with BagWriter(path) as bag:
        bag.write_calibration(samples[0].stamp_ns, rig)
        for sample in samples:
            if sample.modality in without:
                continue
            bag.write_sample(sample)
            if sample.modality == 'rgb':
                truth = np.full((HEIGHT, WIDTH), 2, np.uint8)
                bag.write_truth_labels(sample.stamp_ns, 'rgb_optical', truth)
    return path


@pytest.fixture
def drive(tmp_path, rig, sensor_samples):
    return write_drive(tmp_path / 'drive', rig, sensor_samples)


@pytest.fixture
def bundle(make_bundle):
    return make_bundle()


def run(*words):
    return cli.main(['evaluate', *map(str, words)])


def mcap_messages(folder):
    """Decode a bag with mcap-ros2-support alone, by topic."""
    found = {}
    (file,) = folder.glob('*.mcap')
    with file.open('rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        for _, channel, message, decoded in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append((message.log_time, decoded))
    return found


def test_the_copy_reads_in_other_libraries_and_holds_what_the_network_said(
    drive, bundle, tmp_path, capsys
):
    out, masks = tmp_path / 'out/labeled', tmp_path / 'masks'
    command = [
        drive,
        '--bundle',
        bundle.path,
        '--output',
        tmp_path / 'scores',
        '--subsets',
        'none',
    ]
    options = ['--subsets', 'none', '--write-bag', out, '--export-masks', masks]
    assert run(*command, *options) == 0
    assert '10 x /mmseg/labels' in capsys.readouterr().out
    metrics = json.loads((tmp_path / 'scores/metrics.json').read_text())
    stamps = [int(frame['name']) for frame in metrics['frames']]

    by_mcap = mcap_messages(out)
    assert {topic: len(by_mcap[topic]) for topic in TOPICS} == dict.fromkeys(TOPICS, 10)
    with AnyReader([out]) as reader:
        by_rosbags = {topic: [] for topic in TOPICS}
        for connection, stamp_ns, raw in reader.messages(
            [c for c in reader.connections if c.topic in TOPICS]
        ):
            message = reader.deserialize(raw, connection.msgtype)
            by_rosbags[connection.topic].append((stamp_ns, message))
    for topic in TOPICS:
        for (ours_ns, ours), (theirs_ns, theirs) in zip(
            by_mcap[topic], by_rosbags[topic], strict=True
        ):
            assert ours_ns == theirs_ns
            assert bytes(ours.data) == theirs.data.tobytes()
            assert ours.header.stamp.nanosec == theirs.header.stamp.nanosec
    for i, (_, image) in enumerate(by_mcap['/mmseg/labels']):
        stamp_ns = image.header.stamp.sec * 10**9 + image.header.stamp.nanosec
        assert (stamp_ns, image.encoding, image.step) == (stamps[i], 'mono8', WIDTH)
        labels = np.frombuffer(image.data, np.uint8).reshape(HEIGHT, WIDTH)
        png = cv2.imread(str(masks / f'{i:06d}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(png, labels)
    info = by_mcap['/mmseg/label_info'][0][1]
    names = load_label_space('deliver').names
    assert tuple(c.class_name for c in info.class_map) == names


def test_points_of_the_copy_have_the_fields_of_the_node_and_the_labels_of_their_pixels(
    drive, bundle, tmp_path, rig, sensor_samples
):
    out = tmp_path / 'labeled'
    evaluate(drive, bundle, EvaluationOptions('none', exports=ExportPaths(bag=out)))
    found = mcap_messages(out)
    cloud = next(s for s in sensor_samples if s.modality == 'lidar').payload
    count = len(cloud.points)
    expected = labelled_cloud(
        cloud, np.zeros(count, np.uint8), np.zeros(count, np.float32), np.zeros((256, 3), np.uint8)
    )
    _, message = found['/mmseg/points'][0]
    assert [f.name for f in message.fields] == list(expected.dtype.names)
    assert message.point_step == expected.dtype.itemsize
    points = np.frombuffer(message.data, expected.dtype)
    for name in 'xyz':
        np.testing.assert_array_equal(points[name], cloud.points[name])
    camera = rig.camera('rgb')
    xyz1 = np.c_[cloud.xyz(), np.ones(count)]
    uv, valid = camera.project((xyz1 @ rig.T('rgb', 'lidar').T)[:, :3])
    labels = np.frombuffer(found['/mmseg/labels'][0][1].data, np.uint8).reshape(HEIGHT, WIDTH)
    named = np.flatnonzero(points['label'] != 255)
    assert len(named)
    assert valid[named].all()
    u, v = np.rint(uv[named]).astype(int).T
    np.testing.assert_array_equal(points['label'][named], labels[v, u])


def test_what_was_recorded_is_copied_byte_by_byte_with_its_qos(drive, bundle, tmp_path):
    out = tmp_path / 'labeled'
    evaluate(drive, bundle, EvaluationOptions('none', exports=ExportPaths(bag=out)))
    with BagReader(drive) as before, BagReader(out) as after:
        kept = [item for item in after.raw() if item.topic in before.topics]
        assert kept == list(before.raw())
        assert {t for t in after.topics if t not in before.topics} == {
            *TOPICS,
            recorded_topic('~/label_info'),
        }
        stamps = [item.stamp_ns for item in after.raw()]
        assert stamps == sorted(stamps)
        frames = [(m.header.stamp, s) for _, s, m in after.messages(['/mmseg/labels'])]
        assert all(s >= h.sec * 10**9 + h.nanosec for h, s in frames), 'never before its camera'
    with Reader(drive) as source, Reader(out) as copy:
        qos = {c.topic: c.ext.offered_qos_profiles for c in source.connections}
        copied = {c.topic: c.ext.offered_qos_profiles for c in copy.connections}
        assert {topic: copied[topic] for topic in qos} == qos
        (latched,) = copied['/mmseg/label_info']
        assert latched.durability.name == 'TRANSIENT_LOCAL'


def test_results_of_an_earlier_run_give_way_and_types_of_others_stay(
    bundle, tmp_path, rig, sensor_samples
):
    first = write_drive(tmp_path / 'drive', rig, sensor_samples)
    labeled, again = tmp_path / 'labeled', tmp_path / 'again'
    evaluate(first, bundle, EvaluationOptions('none', exports=ExportPaths(bag=labeled)))
    result = evaluate(labeled, bundle, EvaluationOptions('none', exports=ExportPaths(bag=again)))
    assert 'not copied: /mmseg/labels' in result.exported
    assert {t: len(m) for t, m in mcap_messages(again).items()} == {
        t: len(m) for t, m in mcap_messages(labeled).items()
    }


def test_without_lidar_the_clouds_are_those_of_the_depth_image(
    bundle, tmp_path, rig, sensor_samples
):
    drive = write_drive(tmp_path / 'drive', rig, sensor_samples, without=('lidar',))
    out = tmp_path / 'labeled'
    evaluate(drive, bundle, EvaluationOptions('none', exports=ExportPaths(bag=out)))
    found = mcap_messages(out)
    assert '/mmseg/points' not in found
    clouds = found['/mmseg/points/organized']
    assert len(clouds) == 10
    assert {(m.height, m.width) for _, m in clouds} == {(HEIGHT, WIDTH)}


@pytest.mark.parametrize('has_definitions', [True, False])
def test_a_copy_of_a_database_brings_its_definitions(
    bundle, tmp_path, rig, sensor_samples, has_definitions
):
    mcap = write_drive(tmp_path / 'mcap', rig, sensor_samples)
    source, store = tmp_path / 'db', get_typestore(Stores.ROS2_JAZZY)
    version = 9 if has_definitions else 8
    with (
        Writer(source, version=version, storage_plugin=StoragePlugin.SQLITE3) as writer,
        BagReader(mcap) as reader,
    ):
        connections = {}
        for item in reader.raw():
            if item.topic not in connections:
                connections[item.topic] = writer.add_connection(
                    item.topic, item.type_name, typestore=store
                )
            writer.write(connections[item.topic], item.stamp_ns, item.data)
    out = tmp_path / 'labeled'
    evaluate(source, bundle, EvaluationOptions('none', exports=ExportPaths(bag=out)))
    found = mcap_messages(out)
    assert len(found['/rgb/image_raw']) == len(found['/mmseg/labels']) == 10


def test_exported_masks_are_ground_truth_that_scores_one(drive, bundle, tmp_path):
    masks = tmp_path / 'masks'
    options = ['--bundle', bundle.path, '--subsets', 'none']
    assert run(drive, *options, '--output', tmp_path / 'a', '--export-masks', masks) == 0
    assert run(drive, *options, '--output', tmp_path / 'b', '--labels', masks) == 0
    metrics = json.loads((tmp_path / 'b/metrics.json').read_text())
    assert metrics['recorded'][0]['pixel_accuracy'] == 1.0
    assert metrics['recorded'][0]['pixels'] == 10 * HEIGHT * WIDTH
    rows = list(csv.DictReader((masks / 'frames.csv').open()))
    assert [row['file'] for row in rows] == [f'{i:06d}.png' for i in range(10)]
    assert rows[0]['frame_id'] == 'rgb_optical'
    assert rows[0]['sensors'] == 'rgb+depth+event+lidar'
    space = load_label_space(str(masks / 'label_space.yaml'))
    assert space == load_label_space('deliver')
    labels = cv2.imread(str(masks / '000000.png'), cv2.IMREAD_UNCHANGED)
    color = cv2.imread(str(masks / 'color/000000.png'))[..., ::-1]
    np.testing.assert_array_equal(color, space.palette()[labels])


def test_several_pairs_write_below_and_an_old_folder_stays(drive, bundle, tmp_path, capsys):
    other = tmp_path / 'night'
    os.symlink(drive, other)
    out, masks = tmp_path / 'bags', tmp_path / 'masks'
    command = [drive, other, '--bundle', bundle.path, '--output', tmp_path / 'scores']
    command += ['--subsets', 'none', '--write-bag', out, '--export-masks', masks]
    assert run(*command) == 0
    for name in ('drive', 'night'):
        assert mcap_messages(out / name / 'tiny')['/mmseg/labels']
        assert (masks / name / 'tiny/frames.csv').is_file()
    before = sorted(tmp_path.rglob('*'))
    assert run(*command) == 1
    assert 'exists' in capsys.readouterr().err
    assert sorted(tmp_path.rglob('*')) == before


def test_a_recording_without_a_frame_leaves_no_copy(bundle, tmp_path, rig, sensor_samples):
    path, out = tmp_path / 'drive', tmp_path / 'labeled'
    with BagWriter(path) as bag:
        for i in range(3):
            bag.write_raw('/rgb/image_raw', 'sensor_msgs/msg/Image', i * 10**8, bytes(60))
    options = EvaluationOptions('none', exports=ExportPaths(out, tmp_path / 'masks'))
    result = evaluate(path, bundle, options)
    assert result.metrics['frames'] == []
    assert result.metrics['malformed']['rgb']['count'] == 3
    assert not out.exists()
    assert not (tmp_path / 'masks').exists()


def test_a_killed_run_leaves_nothing_that_looks_whole(drive, bundle, tmp_path):
    out, masks = tmp_path / 'labeled', tmp_path / 'masks'
    code = (
        'import sys, time\n'
        'from mmseg_ros import cli\n'
        'from mmseg_ros.evaluation.exports import Exports\n'
        'add = Exports.add\n'
        'def slow(self, frame):\n'
        '    add(self, frame)\n'
        '    print("frame", flush=True)\n'
        '    time.sleep(60 if self.frames > 4 else 0)\n'
        'Exports.add = slow\n'
        'cli.main(sys.argv[1:])\n'
    )
    words = ['evaluate', drive, '--bundle', bundle.path, '--write-bag', out]
    words += ['--export-masks', masks, '--output', tmp_path / 'scores']
    process = subprocess.Popen(
        [sys.executable, '-c', code, *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    end_s = time.monotonic() + 120
    seen = 0
    while seen < 5 and time.monotonic() < end_s:
        seen += process.stdout.readline().strip() == 'frame'
    process.kill()
    process.wait()
    assert seen == 5
    assert not out.exists()
    assert not masks.exists()
    assert run(*words[1:], '--subsets', 'none') == 0, 'the next run takes its place'
    assert len(mcap_messages(out)['/mmseg/labels']) == 10
    metadata = yaml.safe_load((out / 'metadata.yaml').read_text())
    assert metadata['rosbag2_bagfile_information']['message_count'] > 50


def test_options_of_the_node_name_the_fields(drive, bundle, tmp_path):
    config = NodeConfig()
    output = type(config.output)(field_preset='autoware')
    out = tmp_path / 'labeled'
    options = EvaluationOptions(
        'none', config=type(config)(output=output), exports=ExportPaths(bag=out)
    )
    evaluate(drive, bundle, options)
    _, cloud = mcap_messages(out)['/mmseg/points'][0]
    assert [f.name for f in cloud.fields][-2:] == ['class_id', 'probability']
