import numpy as np
import pytest

from mmseg_ros import messages
from mmseg_ros.bag import replay
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.sim.faults import Fault
from mmseg_ros.sim.recording import record_drive
from mmseg_ros.sim.spoiled_bag import spoil_bag


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
        '/odom',
        '/truth/labels',
        '/truth/points',
    )
    assert counts == {
        **once, **dict.fromkeys(twice, 2), '/rgb/camera_info': 3, '/depth/camera_info': 3,
        '/event/events': 8,
    }  # fmt: skip


def test_truth_comes_back_as_it_was(bag, small_config):
    from mmseg_ros.sim.drive import Drive

    frame = next(Drive(2, small_config(theme='downtown')).frames())
    with BagReader(bag) as reader:
        first = {topic: message for topic, _, message in reversed(list(reader.messages()))}
    labels = messages.decode_image(first['/truth/labels']).pixels
    np.testing.assert_array_equal(labels, frame.labels)
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


def test_a_schedule_spoils_a_recorded_bag(bag, tmp_path):
    schedule = [
        Fault(kind='drop', topic='/lidar/points', start_s=0.1),
        Fault(kind='clock_offset', topic='/depth/image', offset_s=0.2),
    ]
    written = list(spoil_bag(bag, tmp_path / 'bad', schedule))[-1]
    with BagReader(bag) as clean, BagReader(tmp_path / 'bad') as bad:
        lost = clean.topics['/lidar/points'].count - bad.topics.get('/lidar/points', _NONE).count
        assert lost > 0
        assert written == sum(s.count for s in clean.topics.values()) - lost
        stamps = [
            [messages.stamp_ns(m.header) for _, _, m in reader.messages(['/depth/image'])]
            for reader in (clean, bad)
        ]
    assert np.subtract(*stamps[::-1]).tolist() == [200_000_000] * 2


class _NONE:
    count = 0
