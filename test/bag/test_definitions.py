"""A definition that cannot be read costs its own topic; the sensors are read as before."""

import contextlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Rosbag2Writer

from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.bag.typestore import message_class, typestore
from mmseg_ros.core.errors import BagError, SampleError

STRING = 'std_msgs/msg/String'
HELLO = bytes(typestore().serialize_cdr(message_class(STRING)('hello'), STRING))
WHEEL_CDR = b'\x00\x01\x00\x00' + b'\0\0\0\0\0\0\xf8?' + b'\x07\x00'
WHEEL_IDL = (
    '=' * 80 + '\nIDL: demo_msgs/msg/Wheel\nmodule demo_msgs {\n  module msg {\n'
    '    struct Wheel {\n      double speed;\n      uint16 flags;\n    };\n  };\n};\n'
)


def record(path, schema, encoding='cdr', payload=WHEEL_CDR, order=(0, 1, 2), **options):
    """Write three strings on /chatter and a message of the given schema on /wheel."""
    with path.open('wb') as stream:
        writer = Writer(stream, **options)
        writer.start(profile=options.get('profile', 'ros2'))
        text = writer.register_schema(STRING, 'ros2msg', b'string data\n')
        chatter = writer.register_channel('/chatter', 'cdr', text)
        number = writer.register_schema(*schema) if schema else 0
        wheel = writer.register_channel('/wheel', encoding, number)
        for i in order:
            writer.add_message(chatter, i + 1, HELLO, i + 1)
        writer.add_message(wheel, 9, payload, 9)
        writer.finish()
    return path


EXTERNAL = {
    'idl': ('demo_msgs/msg/Wheel', 'ros2idl', WHEEL_IDL.encode()),
    'broken idl': ('demo_msgs/msg/Wheel', 'ros2idl', b'module { struct'),
    'empty': ('demo_msgs/msg/Wheel', '', b''),
    'unknown encoding': ('demo_msgs/msg/Wheel', 'unknown', b'double speed'),
    'broken text': ('demo_msgs/msg/Wheel', 'ros2msg', b'double speed\nfloat65 x y\n'),
    'missing dependency': ('demo_msgs/msg/Wheel', 'ros2msg', b'other_msgs/Thing thing\n'),
    'bytes': ('demo.Wheel', 'protobuf', b'\n\xff\xfe\x04demo'),
    'json': ('demo.Wheel', 'jsonschema', b'{"type":"object"}'),
    'service': ('std_srvs/srv/SetBool_Event', 'ros2msg', b''),
    'none': None,
}


@pytest.mark.parametrize('name', EXTERNAL)
@pytest.mark.parametrize('encoding', ['cdr', 'json', 'protobuf', 'ros1'])
def test_a_topic_of_others_costs_only_itself(tmp_path, name, encoding):
    path = record(tmp_path / 'a.mcap', EXTERNAL[name], encoding)
    with BagReader(path) as reader:
        assert [m.data for _, _, m in reader.messages(['/chatter'])] == ['hello'] * 3
        assert reader.topics['/wheel'].count == 1
        (item,) = reader.raw(['/wheel'])
        if (name, encoding) == ('idl', 'cdr'):
            wheel = reader.deserialize(item)
            assert (wheel.speed, wheel.flags) == (1.5, 7)
            return
        with pytest.raises(SampleError, match='/wheel'):
            reader.deserialize(item)


@pytest.mark.parametrize(
    'options',
    [
        {'use_chunking': False},
        {'index_types': IndexType.NONE},
        {'index_types': IndexType.CHUNK},
        {'use_statistics': False},
        {'repeat_channels': False},
        {'repeat_schemas': False},
        {'use_summary_offsets': False},
        {'compression': CompressionType.LZ4},
        {'compression': CompressionType.NONE},
        {'chunk_size': 1},
    ],
)
def test_every_kind_of_index_and_none(tmp_path, options):
    path = record(tmp_path / 'a.mcap', EXTERNAL['idl'], **options)
    with BagReader(path) as reader:
        assert [item.stamp_ns for item in reader.raw()] == [1, 2, 3, 9]
        assert [item.stamp_ns for item in reader.raw(['/chatter'], 2, 3)] == [2]
        assert (reader.start_ns, reader.end_ns, reader.topics['/chatter'].count) == (1, 9, 3)


def test_disorder_is_put_in_order_by_the_index_and_named_without_one(tmp_path):
    path = record(tmp_path / 'a.mcap', EXTERNAL['idl'], order=(2, 0, 1))
    with BagReader(path) as reader:
        assert [item.stamp_ns for item in reader.raw()] == [1, 2, 3, 9]
    path = record(tmp_path / 'b.mcap', EXTERNAL['idl'], order=(2, 0, 1), use_chunking=False)
    with BagReader(path) as reader, pytest.raises(BagError, match='mmseg_ros repair'):
        list(reader.raw())


def test_the_definition_in_the_recording_wins_over_the_known_one(tmp_path):
    # std_msgs/String as nobody has it: a number before the text
    with (tmp_path / 'a.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start(profile='ros2')
        schema = writer.register_schema(STRING, 'ros2msg', b'uint32 number\nstring data\n')
        channel = writer.register_channel('/chatter', 'cdr', schema)
        data = b'\x00\x01\x00\x00' + b'\x05\0\0\0' + HELLO[4:]
        writer.add_message(channel, 1, data, 1)
        writer.finish()
    with BagReader(tmp_path / 'a.mcap') as reader:
        ((_, _, message),) = reader.messages()
    assert (message.number, message.data) == (5, 'hello')


def test_short_type_names_are_those_of_ros_2(tmp_path):
    with (tmp_path / 'a.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start()
        schema = writer.register_schema('std_msgs/String', 'ros2msg', b'string data\n')
        writer.add_message(writer.register_channel('/chatter', 'cdr', schema), 1, HELLO, 1)
        writer.finish()
    with BagReader(tmp_path / 'a.mcap') as reader:
        assert reader.topics['/chatter'].type_name == STRING
        assert [m.data for _, _, m in reader.messages()] == ['hello']


@pytest.mark.parametrize(
    ('encoding', 'text'),
    [(None, ''), ('unknown', ''), ('ros2idl', WHEEL_IDL), ('ros2msg', 'float65 x'), ('', None)],
)
def test_definitions_of_a_database(tmp_path, encoding, text):
    path = tmp_path / 'bag'
    with Rosbag2Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection('/chatter', STRING, typestore=typestore())
        writer.write(connection, 1, HELLO)
    storage = path / 'bag.db3'
    with sqlite3.connect(storage) as database:
        database.execute(
            'INSERT INTO topics (id, name, type, serialization_format, offered_qos_profiles, '
            "type_description_hash) VALUES (99, '/wheel', 'demo_msgs/msg/Wheel', 'cdr', '', '')"
        )
        if encoding is not None:
            database.execute(
                'INSERT INTO message_definitions (id, topic_type, encoding, '
                'encoded_message_definition, type_description_hash) VALUES (99, '
                "'demo_msgs/msg/Wheel', ?, ?, '')",
                (encoding, str(text)),
            )
        database.execute(
            'INSERT INTO messages (topic_id, timestamp, data) VALUES (99, 2, ?)', (WHEEL_CDR,)
        )
    with BagReader(storage) as reader:
        assert [m.data for _, _, m in reader.messages(['/chatter'])] == ['hello']
        (item,) = reader.raw(['/wheel'])
        if encoding == 'ros2idl':
            assert reader.deserialize(item).flags == 7
        else:
            with pytest.raises(SampleError, match='demo_msgs/msg/Wheel'):
                reader.deserialize(item)


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet='abfloatuint 3264[]/=\n:;{}module struct\x00é', max_size=80),
    encoding=st.sampled_from(['ros2msg', 'ros2idl', 'jsonschema', '']),
    data=st.binary(max_size=40),
)
def test_any_definition_and_any_bytes_raise_only_sample_errors(
    tmp_path_factory, text, encoding, data
):
    path = tmp_path_factory.mktemp('any') / 'a.mcap'
    record(path, ('demo_msgs/msg/Wheel', encoding, text.encode()), payload=data)
    with BagReader(path) as reader:
        for item in reader.raw():
            try:
                reader.deserialize(item)
            except SampleError:
                assert item.topic == '/wheel'


@settings(max_examples=60, deadline=None)
@given(
    type_name=st.sampled_from(
        ['sensor_msgs/msg/PointCloud2', 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo',
         'event_camera_msgs/msg/EventPacket', 'tf2_msgs/msg/TFMessage', 'no_msgs/msg/Such']
    ),
    data=st.binary(max_size=200),
)  # fmt: skip
def test_any_bytes_of_a_sensor_raise_only_sample_errors(tmp_path_factory, type_name, data):
    path = tmp_path_factory.mktemp('bytes') / 'a.mcap'
    with BagReader(record(path, None)) as reader:
        for content in (data, b'\0\1\0\0' + data, b'\0\0\0\0' + data):
            with contextlib.suppress(SampleError):
                reader.deserialize(RawMessage('/any', type_name, 0, content))
