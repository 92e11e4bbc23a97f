"""A rescue copies definitions, QoS, metadata and bytes as they are, from files of every layout."""

import re
import shutil

import pytest
import yaml
import zstandard
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.repair import rescue
from mmseg_ros.core.errors import BagError

OWN = 'std_msgs/msg/Header'
OLD_TEXT = 'uint32 seq\nbuiltin_interfaces/Time stamp\nstring frame_id\n'
QOS = '- history: keep_last\n  depth: 1\n  reliability: reliable\n  durability: transient_local'


def record(path, begin=0, count=60, compression=CompressionType.ZSTD):
    """Write messages of a type that is defined otherwise here, and a channel of JSON."""
    with path.open('wb') as stream:
        writer = Writer(stream, chunk_size=4000, compression=compression)
        writer.start(profile='ros2', library='car')
        old = writer.register_schema(OWN, 'ros2msg', OLD_TEXT.encode())
        own = writer.register_channel('/old', 'cdr', old, {'offered_qos_profiles': QOS, 'a': 'b'})
        text = writer.register_channel('/json', 'json', 0)
        writer.add_metadata('car', {'plate': 'X'})
        writer.add_attachment(1, 2, 'notes.txt', 'text/plain', b'rain')
        for i in range(begin, begin + count):
            writer.add_message(
                own, i, bytes([0, 1, 0, 0]) + i.to_bytes(4, 'little') * 60, i + 1, i
            )
            writer.add_message(text, i, b'{"i": 1}', i, i)
        writer.finish()
    return path


def messages(path):
    with path.open('rb') as stream:
        return [
            (channel.topic, m.log_time, m.publish_time, m.sequence, m.data)
            for _, channel, m in make_reader(stream).iter_messages()
        ]


def only_file(folder):
    (file,) = folder.glob('*.mcap')
    return file


def test_definitions_channels_and_messages_stay_as_they_were(tmp_path):
    whole = record(tmp_path / 'a.mcap')
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    summary = rescue(cut, tmp_path / 'out')
    got = messages(only_file(tmp_path / 'out'))
    assert 20 < len(got) == summary.messages < 120
    assert got == messages(whole)[: len(got)]
    with only_file(tmp_path / 'out').open('rb') as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        (schema,) = summary.schemas.values()
        assert (schema.name, schema.encoding, schema.data) == (OWN, 'ros2msg', OLD_TEXT.encode())
        by_topic = {c.topic: c for c in summary.channels.values()}
        assert by_topic['/old'].metadata == {'offered_qos_profiles': QOS, 'a': 'b'}
        assert by_topic['/json'].schema_id == 0
        assert [m.metadata for m in reader.iter_metadata()] == [{'plate': 'X'}]
        assert [a.data for a in reader.iter_attachments()] == [b'rain']
    information = yaml.safe_load((tmp_path / 'out' / 'metadata.yaml').read_text())
    topics = information['rosbag2_bagfile_information']['topics_with_message_count']
    (own,) = [t['topic_metadata'] for t in topics if t['topic_metadata']['name'] == '/old']
    assert own['offered_qos_profiles'][0]['durability'] == 'transient_local'


@pytest.mark.parametrize('compression', list(CompressionType))
def test_messages_before_the_cut_of_a_chunk_are_saved(tmp_path, compression):
    whole = record(tmp_path / 'a.mcap', compression=compression)
    data = whole.read_bytes()
    kept = []
    for size in range(len(data) // 3, len(data) // 3 + 400, 100):
        cut = tmp_path / 'cut.mcap'
        cut.write_bytes(data[:size])
        shutil.rmtree(tmp_path / 'out', ignore_errors=True)
        kept.append(rescue(cut, tmp_path / 'out').messages)
        got = messages(only_file(tmp_path / 'out'))
        assert got == messages(whole)[: len(got)]
    assert kept == sorted(kept)


def test_a_damaged_chunk_in_the_middle_costs_itself(tmp_path):
    whole = record(tmp_path / 'a.mcap', compression=CompressionType.NONE)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(byte ^ 0xFF for byte in data[middle : middle + 8])
    (tmp_path / 'b.mcap').write_bytes(data)
    found = r'1 of \d+ chunks damaged, about \d+ messages lost; the first lies at byte \d+'
    with BagReader(tmp_path / 'b.mcap') as reader, pytest.raises(BagError, match=found) as error:
        list(reader.raw())
    assert 'repair' in str(error.value)
    summary = rescue(tmp_path / 'b.mcap', tmp_path / 'out')
    assert summary.damaged == 1
    lost = int(re.search(r'about (\d+) messages', str(error.value)).group(1))
    offset = int(re.search(r'at byte (\d+)', str(error.value)).group(1))
    assert offset < middle < offset + 5000
    got = messages(only_file(tmp_path / 'out'))
    assert set(got) < set(messages(whole))
    assert {got[0][1], got[-1][1]} == {0, 59}
    assert 120 - lost <= len(got) < 120, 'a rescue saves the messages before the damage too'
    assert lost < 50


def test_splits_and_packed_files_become_one_bag(tmp_path):
    bag = tmp_path / 'bag'
    bag.mkdir()
    first = record(bag / 'rec_9.mcap', 0)
    second = record(bag / 'rec_10.mcap', 60)
    everything = messages(first) + messages(second)
    third = record(tmp_path / 'rec_11.mcap', 120)
    everything += messages(third)
    packed = zstandard.ZstdCompressor().compress(third.read_bytes())
    (bag / 'rec_11.mcap.zstd').write_bytes(packed)
    (bag / 'rec_12.mcap').write_bytes(b'')
    summary = rescue(bag, tmp_path / 'out')
    assert messages(only_file(tmp_path / 'out')) == everything
    assert summary.left_out == ('rec_12.mcap',)
    (bag / 'rec_11.mcap.zstd').write_bytes(packed[: len(packed) * 2 // 3])
    assert 240 <= rescue(bag, tmp_path / 'again').messages < 360
    with BagReader(tmp_path / 'out') as reader:
        assert reader.topics['/json'].count == 180


def test_only_wanted_topics_and_messages_packed_one_by_one(tmp_path):
    plain = record(tmp_path / 'a.mcap')
    bag = tmp_path / 'packed.mcap'
    with plain.open('rb') as source, bag.open('wb') as target:
        writer = Writer(target)
        writer.start()
        schema = writer.register_schema(OWN, 'ros2msg', OLD_TEXT.encode())
        channel = writer.register_channel('/old', 'cdr', schema)
        for _, _, m in make_reader(source).iter_messages('/old'):
            data = zstandard.ZstdCompressor().compress(m.data)
            writer.add_message(channel, m.log_time, data, m.publish_time, m.sequence)
        writer.finish()
    rescue(bag, tmp_path / 'unpacked')
    rescue(plain, tmp_path / 'some', ['/old'])
    assert messages(only_file(tmp_path / 'unpacked')) == messages(only_file(tmp_path / 'some'))
    with pytest.raises(BagError, match='on these topics'):
        rescue(plain, tmp_path / 'none', ['/absent'])
    assert not (tmp_path / 'none').exists()


def test_a_database_with_its_qos_becomes_mcap(tmp_path):
    from rosbags.rosbag2 import StoragePlugin
    from rosbags.rosbag2 import Writer as BagWriter

    from mmseg_ros.bag.typestore import message_class, typestore
    from mmseg_ros.bag.writer import _LATCHED

    name = 'std_msgs/msg/String'
    with BagWriter(tmp_path / 'db', version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection(
            '/a', name, typestore=typestore(), offered_qos_profiles=[_LATCHED]
        )
        for i in range(5):
            data = typestore().serialize_cdr(message_class(name)(str(i)), name)
            writer.write(connection, i, data)
    rescue(tmp_path / 'db', tmp_path / 'out')
    from rosbags.interfaces import QosDurability
    from rosbags.rosbag2 import Reader

    with Reader(tmp_path / 'out') as reader:
        (connection,) = reader.connections
        (qos,) = connection.ext.offered_qos_profiles
        assert qos.durability == QosDurability.TRANSIENT_LOCAL
    with BagReader(tmp_path / 'out') as opened:
        assert [m.data for _, _, m in opened.messages()] == list('01234')
