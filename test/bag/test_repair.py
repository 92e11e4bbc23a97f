"""Raw writing, reading of every layout, and rescue of a cut recording."""

import numpy as np
import pytest

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.repair import rescue
from mmseg_ros.bag.typestore import message_class, typestore
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError, SampleError

STRING = 'std_msgs/msg/String'
IMAGE = 'sensor_msgs/msg/Image'


def string_bytes(text):
    return bytes(typestore().serialize_cdr(message_class(STRING)(text), STRING))


@pytest.fixture
def bag_path(tmp_path):
    path = tmp_path / 'drive'
    with BagWriter(path) as bag:
        for i in range(40):
            bag.write_raw('/chatter', STRING, 1000 + i, string_bytes(f'{i:04d}' * 40_000))
            bag.write_raw('/other', STRING, 1000 + i, string_bytes(str(i)), latched=i == 0)
    return path


def test_raw_bytes_come_back_in_order(bag_path):
    with BagReader(bag_path) as reader:
        assert reader.topics['/chatter'].count == 40
        assert reader.topics['/chatter'].type_name == STRING
        assert (reader.start_ns, reader.end_ns) == (1000, 1039)
        items = list(reader.raw(['/other', '/absent']))
        assert [i.data for i in items] == [string_bytes(str(i)) for i in range(40)]
        assert [m.data for _, _, m in reader.messages(['/other'], 1005, 1007)] == ['5', '6']
        stamps = [item.stamp_ns for item in reader.raw()]
    assert stamps == sorted(stamps)
    assert len(stamps) == 80


def test_reads_a_bare_file_and_a_folder_without_metadata(bag_path):
    storage = next(bag_path.glob('*.mcap'))
    with BagReader(storage) as reader:
        assert len(list(reader.raw())) == 80
    (bag_path / 'metadata.yaml').unlink()
    with BagReader(bag_path) as reader:
        assert len(list(reader.raw())) == 80


def test_reads_sqlite(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer

    path = tmp_path / 'old'
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection('/chatter', STRING, typestore=typestore())
        writer.write(connection, 5, string_bytes('hello'))
    for where in (path, next(path.glob('*.db3'))):
        with BagReader(where) as reader:
            assert [m.data for _, _, m in reader.messages()] == ['hello']


def test_reads_a_type_that_only_the_bag_defines(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    name = 'own_msgs/msg/Speed'
    store.register(get_types_from_msg('std_msgs/Header header\nfloat64 speed\n', name))
    path = tmp_path / 'own'
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/speed', name, typestore=store)
        time = store.types['builtin_interfaces/msg/Time'](1, 2)
        header = store.types['std_msgs/msg/Header'](time, 'base_link')
        message = store.types[name](header, 3.5)
        writer.write(connection, 5, store.serialize_cdr(message, name))
    with BagReader(path) as reader:
        assert [m.speed for _, _, m in reader.messages()] == [3.5]


@pytest.mark.parametrize('share', [0.9, 0.5])
def test_a_cut_file_names_the_rescue_and_is_rescued(bag_path, tmp_path, share):
    storage = next(bag_path.glob('*.mcap'))
    data = storage.read_bytes()
    storage.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BagError, match='mmseg_ros repair'):
        BagReader(bag_path)
    summary = rescue(bag_path, tmp_path / 'rescued')
    assert 80 * share - 20 <= summary.messages < 80
    with BagReader(tmp_path / 'rescued') as reader:
        texts = [m.data for _, _, m in reader.messages(['/other'])]
    assert texts == [str(i) for i in range(len(texts))]
    assert summary.topics == 2


def test_nothing_to_rescue(tmp_path):
    broken = tmp_path / 'x.mcap'
    broken.write_bytes(b'\x89MCAP0\r\n')
    with pytest.raises(BagError, match='no whole message'):
        rescue(broken, tmp_path / 'out')
    with pytest.raises(BagError, match='does not exist'):
        rescue(tmp_path / 'absent', tmp_path / 'out2')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['x.mcap']


@pytest.mark.parametrize(
    ('make', 'named'),
    [
        (lambda p: None, 'does not exist'),
        (lambda p: p.write_bytes(b''), 'is empty'),
        (
            lambda p: p.write_bytes(b'no bag at all, only some text' * 50),
            r'cannot be read|cut off',
        ),
    ],
)
def test_names_what_is_wrong_with_a_file(tmp_path, make, named):
    path = tmp_path / 'drive.mcap'
    make(path)
    with pytest.raises(BagError, match=named):
        BagReader(path)


def test_names_what_is_wrong_with_a_folder_or_a_name(tmp_path):
    with pytest.raises(BagError, match=r'no metadata.yaml and holds no \.mcap'):
        BagReader(tmp_path)
    (tmp_path / 'a.txt').write_text('x')
    with pytest.raises(BagError, match='not a bag'):
        BagReader(tmp_path / 'a.txt')
    (tmp_path / 'b.db3').write_bytes(b'SQLite format 3\0' + bytes(3000))
    with pytest.raises(BagError, match=r'SQLite|cannot be read'):
        BagReader(tmp_path / 'b.db3')


def test_writer_rejects_what_it_cannot_write(bag_path, tmp_path):
    with pytest.raises(BagError, match='exists'):
        BagWriter(bag_path)
    with BagWriter(tmp_path / 'new') as bag:
        with pytest.raises(BagError, match='not known'):
            bag.write_raw('/a', 'no_msgs/msg/Such', 0, b'')
        bag.write_raw('/a', STRING, 0, string_bytes('x'))
        with pytest.raises(BagError, match=r'holds std_msgs/msg/String'):
            bag.write_raw('/a', IMAGE, 0, b'')


def test_what_was_written_before_a_failure_stays_readable(tmp_path):
    with pytest.raises(RuntimeError), BagWriter(tmp_path / 'new') as bag:  # noqa: PT012
        bag.write_raw('/a', STRING, 0, string_bytes('x'))
        raise RuntimeError
    with BagReader(tmp_path / 'new') as reader:
        assert reader.topics['/a'].count == 1


def test_bytes_that_do_not_fit_their_type_are_a_sample_error(tmp_path):
    with BagWriter(tmp_path / 'new') as bag:
        bag.write_raw('/image', IMAGE, 7, b'\x00\x01\x00\x00' + bytes(5))
    with BagReader(tmp_path / 'new') as reader:
        with pytest.raises(SampleError, match='/image at 7 ns: 9 bytes'):
            list(reader.messages())
        assert np.sum([len(item.data) for item in reader.raw()]) == 9
