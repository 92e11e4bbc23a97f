"""Files that keep no checksums: what damage is noticed all the same, and that the rest is said."""

import sqlite3
import struct

import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as BagWriter

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.typestore import typestore
from mmseg_ros.cli import main
from mmseg_ros.core.errors import BagError

TEXT = 'std_msgs/msg/String'
START_NS, PERIOD_NS = 10**18, 10**8
TOPICS = ('/a', '/b')


def content(number):
    return bytes(typestore().serialize_cdr(typestore().types[TEXT](data=f'text {number}'), TEXT))


def messages():
    return [(TOPICS[k % 2], START_NS + k * PERIOD_NS, content(k)) for k in range(20)]


def mcap_file(path, **options):
    """Write an MCAP file of several chunks."""
    with path.open('wb') as stream:
        writer = Writer(stream, chunk_size=256, compression=CompressionType.NONE, **options)
        writer.start('ros2')
        text = typestore().generate_msgdef(TEXT, ros_version=2)[0].encode()
        schema = writer.register_schema(TEXT, 'ros2msg', text)
        channels = {topic: writer.register_channel(topic, 'cdr', schema) for topic in TOPICS}
        for topic, stamp_ns, data in messages():
            writer.add_message(channels[topic], stamp_ns, data, stamp_ns)
        writer.finish()
    return path


def sqlite_bag(path):
    with BagWriter(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        channels = {
            topic: writer.add_connection(topic, TEXT, typestore=typestore()) for topic in TOPICS
        }
        for topic, stamp_ns, data in messages():
            writer.write(channels[topic], stamp_ns, data)
    return path


def read(path, *arguments):
    with BagReader(path) as reader:
        return [(item.topic, item.stamp_ns, item.data) for item in reader.raw(*arguments)]


def message_head(path, number):
    """Return where the head of a message lies: channel, sequence, time, time."""
    _, stamp_ns, data = messages()[number]
    return path.read_bytes().index(struct.pack('<QQ', stamp_ns, stamp_ns) + data) - 6


def test_whole_files_are_read_as_they_are_and_the_lack_is_said(tmp_path):
    bare = mcap_file(tmp_path / 'bare.mcap', enable_crcs=False)
    loose = mcap_file(tmp_path / 'loose.mcap', use_chunking=False)
    checked = mcap_file(tmp_path / 'checked.mcap')
    unindexed = mcap_file(tmp_path / 'end.mcap', use_statistics=False)
    database = sqlite_bag(tmp_path / 'database')
    for path in (bare, loose, checked, unindexed, database):
        assert read(path) == messages()
        with BagReader(path) as reader:
            said = ' '.join(reader.doubts())
        assert ('have no checksums' in said) == (path in (bare, loose, database)), path.name
    span = (['/b'], START_NS + 4 * PERIOD_NS, START_NS + 12 * PERIOD_NS)
    assert read(bare, *span) == [item for item in messages()[4:12] if item[0] == '/b']


@pytest.mark.parametrize(
    ('at', 'size', 'what'), [(0, 2, 'channel'), (6, 8, 'time')], ids=['channel', 'time']
)
@pytest.mark.parametrize('number', [0, 7, 19])
def test_a_message_that_moved_in_a_chunk_without_checksum_is_damage(
    tmp_path, at, size, what, number
):
    path = mcap_file(tmp_path / 'bare.mcap', enable_crcs=False)
    place = message_head(path, number) + at
    data = bytearray(path.read_bytes())
    before = int.from_bytes(data[place : place + size], 'little')
    after = 3 - before if what == 'channel' else before + 3
    data[place : place + size] = after.to_bytes(size, 'little')
    path.write_bytes(data)
    with path.open('rb') as stream:
        chunks = make_reader(stream).get_summary().chunk_indexes
    chunk = max(c.chunk_start_offset for c in chunks if c.chunk_start_offset < place)
    with pytest.raises(BagError, match=rf'1 of {len(chunks)} chunks damaged.*at byte {chunk},'):
        read(path)
    with pytest.raises(BagError, match='chunks damaged'):
        read(path, ['/a', '/b'], START_NS, START_NS + 20 * PERIOD_NS)


def database_of(bag, command, *values):
    (file,) = bag.glob('*.db3')
    database = sqlite3.connect(file)
    database.execute(command, values)
    database.commit()
    database.close()


def test_rows_that_are_gone_are_told_by_the_metadata(tmp_path):
    bag = sqlite_bag(tmp_path / 'database')
    database_of(bag, 'DELETE FROM messages WHERE timestamp = ?', START_NS + 4 * PERIOD_NS)
    with BagReader(bag) as reader:
        said = reader.doubts()
    assert any('counts 10 messages on /a, 9 are there' in doubt for doubt in said)


@pytest.mark.parametrize(
    ('index', 'said'),
    [
        ('(timestamp) WHERE timestamp < 1000000000500000000', 'lacks 15 messages'),
        ('(timestamp + 50000000)', 'is wrong at 1000000000000000000 ns'),
    ],
    ids=['rows missing', 'times wrong'],
)
def test_an_index_of_times_that_does_not_fit_the_rows_is_damage(tmp_path, index, said):
    """The schema says that the index is of all times; its content is another one's."""
    bag = sqlite_bag(tmp_path / 'database')
    (file,) = bag.glob('*.db3')
    database = sqlite3.connect(file)
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE type = 'index'").fetchone()
    database.execute('DROP INDEX timestamp_idx')
    database.execute(f'CREATE INDEX timestamp_idx ON messages {index}')
    database.execute('PRAGMA writable_schema = ON')
    database.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'index'", (sql,))
    database.commit()
    database.close()
    with pytest.raises(BagError, match=said):
        read(bag)
    with BagReader(bag) as reader, pytest.raises(BagError, match='timestamp_idx'):
        reader.check()


def test_inspect_says_it(tmp_path, capsys):
    kind, types = 'geometry_msgs/msg/PointStamped', typestore().types
    bag = tmp_path / 'stamped'
    with BagWriter(bag, version=8, storage_plugin=StoragePlugin.SQLITE3) as out:
        channel = out.add_connection('/c', kind, typestore=typestore())
        for k in range(20):
            stamp = types['builtin_interfaces/msg/Time'](sec=10**9, nanosec=k * PERIOD_NS // 2)
            header = types['std_msgs/msg/Header'](stamp=stamp, frame_id='x')
            point = types['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0)
            data = typestore().serialize_cdr(types[kind](header=header, point=point), kind)
            out.write(channel, START_NS + k * PERIOD_NS // 2, data)
    assert main(['inspect', str(bag), '--check']) == 0
    assert '1 of 1 files of stamped have no checksums' in capsys.readouterr().out


def test_a_check_finds_what_is_not_read(tmp_path, capsys):
    path = mcap_file(tmp_path / 'bare.mcap', enable_crcs=False)
    whole = path.read_bytes()
    with BagReader(path) as reader:
        reader.check()
    place = message_head(path, 7) + 6
    path.write_bytes(whole[:place] + bytes(8) + whole[place + 8 :])
    with BagReader(path) as reader, pytest.raises(BagError, match='1 of 4 chunks damaged'):
        reader.check()
    assert main(['inspect', str(path), '--check']) == 1
    assert 'chunks damaged' in capsys.readouterr().err
