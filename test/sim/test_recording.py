import numpy as np
import pytest
from rosbags.rosbag2 import Writer

from mmseg_ros import messages
from mmseg_ros.bag import replay
from mmseg_ros.bag.faults import Fault
from mmseg_ros.bag.inject import inject_faults
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.core.errors import SampleError
from mmseg_ros.sim.recording import record_drive


@pytest.fixture(scope='module')
def bag(tmp_path_factory, small_config):
    path = tmp_path_factory.mktemp('bags') / 'drive'
    assert list(record_drive(path, 2, small_config(theme='downtown'))) == [1, 2]
    return path


def test_a_bag_holds_all_topics_in_the_order_of_receipt(bag):
    with BagReader(bag) as reader:
        counts = {topic: summary.count for topic, summary in reader.topics.items()}
        stamps = [item.stamp_ns for item in reader.raw()]
    assert stamps == sorted(stamps)
    once = {'/tf_static': 1, '/event/camera_info': 1}
    twice = (
        '/rgb/image_raw',
        '/depth/image',
        '/lidar/points',
        '/truth/labels',
        '/truth/points',
    )
    assert counts == {
        **once, **dict.fromkeys(twice, 2), '/rgb/camera_info': 3, '/depth/camera_info': 3,
        '/event/events': 8, '/odom': 10,
    }  # fmt: skip


def test_truth_comes_back_as_it_was(bag, small_config):
    from mmseg_ros.sim.sequence import Drive

    frame = next(Drive(2, small_config(theme='downtown')).frames())
    with BagReader(bag) as reader:
        first = {topic: message for topic, _, message in reversed(list(reader.messages()))}
    labels = messages.decode_image(first['/truth/labels']).pixels
    np.testing.assert_array_equal(labels, frame.labels)
    pose = first['/odom'].pose.pose.position
    at = (messages.stamp_ns(first['/odom'].header) - frame.stamp_ns) / 1e9
    assert at == pytest.approx(-0.08)
    truth = Drive(2, small_config(theme='downtown')).scene.ego.pose(0.06 + at)[0, :3, 3]
    np.testing.assert_allclose((pose.x, pose.y, pose.z), truth, atol=1e-9)
    cloud = messages.decode_cloud(first['/truth/points'])
    assert cloud.points.dtype.names == ('x', 'y', 'z', 'label')
    np.testing.assert_array_equal(cloud.points['label'], frame.point_labels)
    np.testing.assert_array_equal(cloud.points['x'], frame.samples['lidar'].payload.points['x'])
    raw = messages.decode_cloud(first['/lidar/points'])
    assert set(raw.points.dtype.names) >= {'x', 'y', 'z', 'intensity', 'ring', 'time'}


def test_depth_in_millimetres_comes_back_through_the_decoder(bag, tmp_path, small_config):
    path = tmp_path / 'mm'
    list(record_drive(path, 2, small_config(theme='downtown'), depth_encoding='16UC1'))
    images = []
    for folder, encoding in ((bag, '32FC1'), (path, '16UC1')):
        with BagReader(folder) as reader:
            stream = replay.samples(reader, {'depth': '/depth/image'})
            images.append(next(stream).payload.depth_m)
            assert {m.encoding for _, _, m in reader.messages(['/depth/image'])} == {encoding}
    metres, millimetres = images
    kept = np.isfinite(millimetres)
    # What is farther than 65.535 m does not fit into the message.
    np.testing.assert_array_equal(kept, metres < 65.5355)
    assert kept.sum() < np.isfinite(metres).sum()
    np.testing.assert_allclose(millimetres[kept], metres[kept], atol=0.00051)


def test_chunks_are_compressed(bag):
    with BagReader(bag) as reader:
        plain = sum(len(item.data) for item in reader.raw())
    assert next(bag.glob('*.mcap')).stat().st_size < 0.7 * plain


@pytest.fixture(scope='module', params=['mcap', 'sqlite3'])
def recorded(bag, request, tmp_path_factory):
    """The sequence as this package writes it, and as an older ROS would have recorded it."""
    if request.param == 'mcap':
        return bag
    path = tmp_path_factory.mktemp('older') / 'drive'
    with BagReader(bag) as reader, Writer(path, version=8) as writer:
        connections = {}
        for item in reader.raw():
            if item.topic not in connections:
                connections[item.topic] = writer.add_connection(
                    item.topic, item.type_name, typestore=typestore()
                )
            writer.write(connections[item.topic], item.stamp_ns, item.data)
    return path


def test_a_schedule_spoils_a_recorded_bag(recorded, tmp_path):
    schedule = [
        Fault(kind='drop', topic='/lidar/points', start_s=0.1),
        Fault(kind='clock_offset', topic='/depth/image', offset_s=0.2),
        Fault(kind='delay', topic='/truth/labels', delay_s=0.5),
        Fault(kind='duplicate', topic='/odom', copies=2),
        Fault(kind='burst', topic='/event/events', period_s=0.3),
        Fault(kind='freeze', topic='/truth/points'),
        Fault(kind='bad_encoding', topic='/rgb/image_raw'),
        Fault(kind='wrong_calibration', topic='/tf_static', frame_id='lidar'),
    ]
    written = list(inject_faults(recorded, tmp_path / 'bad', schedule))[-1]
    clean, bad = _contents(recorded), _contents(tmp_path / 'bad')
    assert written == sum(len(items) for items in bad.values())
    assert len(bad.get('/lidar/points', [])) < len(clean['/lidar/points'])
    assert _waits_ms(bad['/depth/image']) == [-178, -178]
    assert _waits_ms(bad['/truth/labels']) == [500, 500]
    assert len(bad['/odom']) == 3 * len(clean['/odom'])
    assert len({stamp_ns for stamp_ns, _ in bad['/event/events']}) <= 2
    assert len(bad['/event/events']) == len(clean['/event/events'])
    first, second = (messages.decode_cloud(m).points for _, m in bad['/truth/points'])
    np.testing.assert_array_equal(first, second)
    with pytest.raises(SampleError, match='unknown42'):
        messages.decode_image(bad['/rgb/image_raw'][0][1])
    turned = {
        old.child_frame_id
        for (_, before), (_, after) in zip(clean['/tf_static'], bad['/tf_static'], strict=True)
        for old, new in zip(before.transforms, after.transforms, strict=True)
        if old.transform.rotation.z != new.transform.rotation.z
    }
    assert turned == {'lidar'}


def _contents(path):
    """Return (bag stamp, message) by topic."""
    found = {}
    with BagReader(path) as reader:
        for topic, stamp_ns, message in reader.messages():
            found.setdefault(topic, []).append((stamp_ns, message))
    return found


def _waits_ms(items):
    return [round((stamp_ns - messages.stamp_ns(m.header)) / 1e6) for stamp_ns, m in items]
