"""A source that cannot be scored fails alone, and says what is wrong with it and where."""

import numpy as np
import pytest
from mcap.reader import make_reader

from mmseg_ros import cli
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.inference import bundle as bundles


@pytest.fixture
def evaluated(bundle, bag_path, tmp_path, monkeypatch, capsys):
    """Return a function that scores a sound bag and another one, and returns what was said."""
    monkeypatch.setattr(bundles, 'load_bundle', lambda name: bundle)

    def run(other):
        out = tmp_path / 'out'
        words = ['evaluate', str(bag_path), str(other), '--output', str(out), '--subsets', 'none']
        assert cli.main(words) == 1
        assert (out / 'drive' / 'stitchfusion-lite0-sim' / 'report.html').is_file()
        assert (out / 'summary.csv').read_text().count('\n') == 3
        return capsys.readouterr().err

    return run


def write(path, samples):
    with BagWriter(path) as bag:
        for sample in samples:
            bag.write_sample(sample)
    return path


def image(modality, stamp_ns=0, pixels=None):
    pixels = np.zeros((4, 4, 3), np.uint8) if pixels is None else pixels
    return SensorSample(modality, stamp_ns, '', ImageData(pixels))


def test_missing_topics_list_those_that_are_there(evaluated, tmp_path):
    said = evaluated(write(tmp_path / 'thermal', [image('thermal')]))
    assert 'no topic of the modalities' in said
    assert '/thermal/image_raw' in said


def test_a_bag_without_a_message(evaluated, tmp_path):
    said = evaluated(write(tmp_path / 'nothing', []))
    assert 'its topics: none' in said


def test_a_file_without_a_byte(evaluated, tmp_path):
    (tmp_path / 'zero.mcap').write_bytes(b'')
    assert 'zero.mcap is empty: nothing was recorded into it' in evaluated(tmp_path / 'zero.mcap')


def test_a_damaged_chunk_is_told_with_place_and_count(evaluated, bag_path, tmp_path):
    (file,) = bag_path.glob('*.mcap')
    data = bytearray(file.read_bytes())
    with file.open('rb') as stream:
        chunk = make_reader(stream).get_summary().chunk_indexes[0]
    begin = chunk.chunk_start_offset + 100
    data[begin : begin + 200] = bytes(byte ^ 0xFF for byte in data[begin : begin + 200])
    (tmp_path / 'cut.mcap').write_bytes(data)
    said = evaluated(tmp_path / 'cut.mcap')
    assert 'chunks damaged, about' in said
    assert f'the first lies at byte {chunk.chunk_start_offset}' in said


def test_a_source_without_one_usable_frame_fails(evaluated, tmp_path):
    samples = [image('rgb', i * 10**8) for i in range(5)]
    said = evaluated(write(tmp_path / 'black', samples))
    assert 'black' in said
    assert 'frame' in said
