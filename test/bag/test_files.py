"""A recording is read however it lies on the disk, or the error says what to do."""

import contextlib
import re

import numpy as np
import pytest
import zstandard
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.typestore import message_class, typestore
from mmseg_ros.core.errors import BagError, MmsegError

STRING = 'std_msgs/msg/String'
PLUGINS = [StoragePlugin.MCAP, StoragePlugin.SQLITE3]


def record(path, texts, plugin=StoragePlugin.MCAP, mode=None, first_ns=1000):
    """Write strings, one per nanosecond, on /chatter."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection('/chatter', STRING, typestore=typestore())
        for i, text in enumerate(texts):
            data = typestore().serialize_cdr(message_class(STRING)(text), STRING)
            writer.write(connection, first_ns + i, bytes(data))
    return path


def heard(path):
    with BagReader(path) as reader:
        texts = [message.data for _, _, message in reader.messages(['/chatter'])]
        assert reader.topics['/chatter'].count == len(texts)
    return texts


TEXTS = ['a', 'bc', 'def' * 100, '']


@pytest.mark.parametrize('plugin', PLUGINS)
@pytest.mark.parametrize('mode', [None, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_every_compression_with_and_without_metadata(tmp_path, plugin, mode):
    bag = record(tmp_path / 'bag', TEXTS, plugin, mode)
    assert heard(bag) == TEXTS
    storage = next(file for file in bag.iterdir() if file.name != 'metadata.yaml')
    assert heard(storage) == TEXTS
    (bag / 'metadata.yaml').unlink()
    assert heard(bag) == TEXTS


@pytest.mark.parametrize('identifier', ['""', 'rosbag2_of_mine', 'sqlite3'])
def test_the_files_say_what_they_are_not_the_storage_identifier(tmp_path, identifier):
    bag = record(tmp_path / 'bag', TEXTS)
    metadata = bag / 'metadata.yaml'
    text = re.sub(
        r'storage_identifier: .*', f'storage_identifier: {identifier}', metadata.read_text()
    )
    metadata.write_text(text)
    assert heard(bag) == TEXTS


@pytest.mark.parametrize('text', ['', 'no: [yaml', 'rosbag2_bagfile_information: 3\n', '\x00'])
def test_damaged_metadata_costs_nothing(tmp_path, text):
    bag = record(tmp_path / 'bag', TEXTS)
    (bag / 'metadata.yaml').write_text(text)
    assert heard(bag) == TEXTS


def test_a_renamed_file_is_found(tmp_path):
    bag = record(tmp_path / 'bag', TEXTS)
    (bag / 'bag.mcap').rename(bag / 'monday.mcap')
    assert heard(bag) == TEXTS


def splits(tmp_path, *parts):
    """Return a folder of files whose names are not in the order of their times."""
    folder = tmp_path / 'splits'
    folder.mkdir()
    for i, (texts, first_ns) in enumerate(parts):
        bag = record(tmp_path / f'part{i}', texts, first_ns=first_ns)
        (bag / f'part{i}.mcap').rename(folder / f'rec_{len(parts) - i}.mcap')
    return folder


def test_splits_are_read_in_the_order_of_their_times(tmp_path):
    folder = splits(tmp_path, (['a', 'b'], 1000), (['c'], 2000), (['d', 'e'], 3000))
    assert heard(folder) == ['a', 'b', 'c', 'd', 'e']
    with BagReader(folder) as reader:
        assert (reader.start_ns, reader.end_ns) == (1000, 3001)
        between = [m.data for _, _, m in reader.messages(None, 1001, 3001)]
    assert between == ['b', 'c', 'd']


def test_splits_that_reach_into_each_other_are_merged(tmp_path):
    folder = splits(tmp_path, (['a', 'c', 'e'], 1000), (['d', 'f'], 1001))
    assert heard(folder) == ['a', 'c', 'd', 'e', 'f']


def test_a_missing_split_is_named(tmp_path):
    bag = record(tmp_path / 'bag', TEXTS)
    metadata = bag / 'metadata.yaml'
    metadata.write_text(
        metadata.read_text().replace('- bag.mcap', '- bag.mcap\n  - bag_1.mcap', 1)
    )
    with pytest.raises(BagError, match=r'bag_1\.mcap, which is missing'):
        BagReader(bag)


def test_a_cut_split_is_named_with_the_way_to_rescue_it(tmp_path):
    folder = splits(tmp_path, (['a'], 1000), (['b'] * 50, 2000))
    cut = folder / 'rec_1.mcap'
    cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.raises(BagError, match=r'mmseg_ros repair .*rec_1\.mcap'):
        BagReader(folder)


def test_a_packed_file_that_is_cut_is_an_error(tmp_path):
    bag = record(tmp_path / 'bag', TEXTS)
    packed = zstandard.ZstdCompressor().compress((bag / 'bag.mcap').read_bytes())
    path = tmp_path / 'bag.mcap.zstd'
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BagError, match=r'bag\.mcap\.zstd.*(cut off|cannot be read)'):
        BagReader(path)
    path.write_bytes(b'not packed at all')
    with pytest.raises(BagError, match=r'bag\.mcap\.zstd'):
        BagReader(path)


@pytest.mark.parametrize('name', ['drive.bag', 'drive.mcap'])
def test_a_recording_of_ros_1_names_the_converter(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'#ROSBAG V2.0\n' + bytes(100))
    with pytest.raises(BagError, match=f'rosbags-convert --src {path} --dst {tmp_path}/drive'):
        BagReader(path)


def test_a_folder_of_ros_1_recordings_names_the_converter(tmp_path):
    (tmp_path / 'drive.bag').write_bytes(b'#ROSBAG V2.0\n')
    with pytest.raises(BagError, match='rosbags-convert'):
        BagReader(tmp_path)


def test_a_log_that_a_killed_recorder_left_beside_a_database_is_read(tmp_path):
    import shutil
    import sqlite3

    bag = record(tmp_path / 'bag', TEXTS, StoragePlugin.SQLITE3)
    storage = bag / 'bag.db3'
    database = sqlite3.connect(storage)
    database.execute('PRAGMA journal_mode=WAL')
    database.execute(
        'INSERT INTO messages SELECT id + 100, topic_id, timestamp + 50, data FROM messages'
    )
    database.commit()
    killed = tmp_path / 'killed'
    shutil.copytree(bag, killed)  # as the disk is while the recorder runs
    database.close()
    assert heard(killed) == TEXTS + TEXTS


@pytest.mark.parametrize('plugin', PLUGINS)
def test_damage_anywhere_is_an_error_of_the_bag(tmp_path, plugin):
    rng = np.random.default_rng(0)
    folder = record(tmp_path / 'bag', TEXTS * 5, plugin)
    file = next(path for path in folder.iterdir() if path.suffix != '.yaml')
    whole = file.read_bytes()
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 30)):
            damaged[at] = rng.integers(0, 256)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(0, len(whole))]
        file.write_bytes(damaged)
        try:
            with BagReader(folder) as reader:
                for item in reader.raw():
                    with contextlib.suppress(MmsegError):
                        reader.deserialize(item)
        except BagError:
            pass


@pytest.mark.parametrize(
    'error', [KeyError, OverflowError, MemoryError, TypeError, RecursionError, IndexError]
)
def test_whatever_opening_raises_is_an_error_of_the_bag(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error('boom')

    folder = record(tmp_path / 'bag', TEXTS)
    monkeypatch.setattr('mmseg_ros.bag.reader.open_storage', fail)
    with pytest.raises(BagError, match='bag'):
        BagReader(folder)
