from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mmseg_ros.core.errors import BackendError, BundleError, SampleError
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.referring.bundle import seal_referring_bundle
from mmseg_ros.referring.result import ReferringResult, label_space_of
from mmseg_ros.referring.segmenter import ReferringSegmenter, load_segmenter

LEFT_RED_RIGHT_BLUE = np.zeros((48, 96, 3), np.uint8)
LEFT_RED_RIGHT_BLUE[:, :48, 0] = 255
LEFT_RED_RIGHT_BLUE[:, 48:, 2] = 255


class Counting:
    """A runtime whose runs are counted per file."""

    def __init__(self, runtime):
        self.name, self.precision = runtime.name, runtime.precision
        self.runs = {}
        self._runtime = runtime

    def compile(self, path):
        executable, runs = self._runtime.compile(path), self.runs
        run, file = executable.run, path.name

        def counted(feed):
            runs.setdefault(file, []).append({k: v.shape for k, v in feed.items()})
            return run(feed)

        executable.run = counted
        return executable


@pytest.fixture
def runtime():
    return Counting(create_runtime('onnxruntime', threads=1))


@pytest.fixture
def segmenter(make_referring_bundle, runtime):
    return ReferringSegmenter(make_referring_bundle(), runtime)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino', 'auto'])
def test_masks_are_of_the_sentences_at_the_size_of_the_image(make_referring_bundle, backend):
    segmenter = load_segmenter(str(make_referring_bundle().path), backend, threads=1)
    result = segmenter.segment(LEFT_RED_RIGHT_BLUE, ['the red car', 'blue', 'the car'])
    assert result.probability.shape == (3, 48, 96)
    assert result.meant[0, :, :46].all()
    assert not result.meant[0, :, 50:].any()
    assert result.meant[1, :, 50:].all()
    assert not result.meant[2].any()
    segmenter.close()


def test_a_wide_image_is_padded_and_its_masks_lie_where_they_should(segmenter, runtime):
    # The network takes twice as wide as tall; this is six times as wide.
    wide = np.concatenate([LEFT_RED_RIGHT_BLUE] * 3, axis=1)[:, 48:240]
    wide = np.ascontiguousarray(wide[8:40])
    result = segmenter.segment(wide, ['blue'])
    assert result.probability.shape == (1, 32, 192)
    assert result.meant[0, :, 3:45].all()
    assert not result.meant[0, :, 51:93].any()
    assert result.meant[0, :, 99:141].all()


def test_a_sentence_is_encoded_once_and_all_go_as_one_batch(segmenter, runtime):
    for _ in range(3):
        segmenter.segment(LEFT_RED_RIGHT_BLUE, ['red', 'the blue car'])
    assert segmenter.encoded == 2
    assert [run['token_ids'] for run in runtime.runs['text_encoder.onnx']] == [(2, 8)]
    assert [run['text'] for run in runtime.runs['segmenter.onnx']] == [(2, 8, 3)] * 3
    segmenter.segment(LEFT_RED_RIGHT_BLUE, ['the blue car', 'green'])
    assert segmenter.encoded == 3
    assert runtime.runs['text_encoder.onnx'][-1]['token_ids'] == (1, 8)


def test_the_memory_of_sentences_is_bounded(segmenter):
    for i in range(70):
        segmenter.read([f'red {i}'])
    segmenter.read(['red 69'])
    assert segmenter.encoded == 70
    segmenter.read(['red 0'])
    assert segmenter.encoded == 71


def test_an_answer_does_not_depend_on_the_other_sentences(segmenter):
    alone = segmenter.segment(LEFT_RED_RIGHT_BLUE, ['red']).probability[0]
    beside = segmenter.segment(LEFT_RED_RIGHT_BLUE, ['blue', 'red']).probability[1]
    np.testing.assert_array_equal(alone, beside)


def test_grey_images_of_any_depth_are_taken(segmenter):
    for dtype in (np.uint8, np.uint16, np.float32):
        assert segmenter.segment(np.ones((20, 30), dtype), ['red']).mask.shape == (20, 30)


def test_what_is_cut_or_unknown_is_told(segmenter, caplog):
    with caplog.at_level(logging.WARNING):
        notes = segmenter.read(['the zeppelin on the red car, on the left', 'red'])
        again = segmenter.read(['the zeppelin on the red car, on the left'])
    assert "left out: ', on the left'" in notes[0]
    assert "'zeppelin'" in notes[1]
    assert again == notes
    assert len(caplog.records) == 2


@pytest.mark.parametrize('sentence', ['zeppelin', '...', '', b'red', None, ['red'], '\ud800 red'])
def test_nothing_known_is_rejected_and_the_next_sentence_is_answered(segmenter, sentence):
    with pytest.raises(SampleError):
        segmenter.segment(LEFT_RED_RIGHT_BLUE, ['red', sentence])
    assert segmenter.segment(LEFT_RED_RIGHT_BLUE, ['red']).mask.any()


def test_no_sentence_is_rejected(segmenter):
    with pytest.raises(SampleError, match='no text prompt'):
        segmenter.segment(LEFT_RED_RIGHT_BLUE, [])


def test_union_labels_and_colors():
    probability = np.array([[[255, 128, 127, 0]], [[1, 200, 127, 0]]], np.uint8)
    result = ReferringResult(('a', 'b'), probability)
    np.testing.assert_array_equal(result.mask, [[255, 255, 0, 0]])
    np.testing.assert_array_equal(result.labels, [[0, 1, 255, 255]])
    np.testing.assert_array_equal(result.confidence, [[255, 200, 127, 0]])
    space = label_space_of(result.sentences)
    assert space.names == ('a', 'b')
    assert space.classes[0].color != space.classes[1].color


def test_a_network_without_numbers_is_rejected(make_referring_bundle):
    bundle = make_referring_bundle()
    file = bundle.path / 'segmenter.onnx'
    model = onnx.load(file)
    last = model.graph.node[-1]
    model.graph.initializer.append(helper.make_tensor('nothing', TensorProto.UINT8, [], [0]))
    last.output[0] = 'before'
    model.graph.node.append(helper.make_node('Mul', ['before', 'nothing'], ['probability']))
    onnx.save(model, file)
    seal_referring_bundle(bundle.path, bundle.manifest)
    with pytest.raises(BackendError, match='NaN in every pixel'):
        load_segmenter(str(bundle.path), 'onnxruntime')


def test_graphs_of_another_size_are_rejected(make_referring_bundle):
    small, large = make_referring_bundle(name='small'), make_referring_bundle(64, 96, 'large')
    (small.path / 'segmenter.onnx').write_bytes((large.path / 'segmenter.onnx').read_bytes())
    seal_referring_bundle(small.path, small.manifest)
    with pytest.raises(BundleError, match=r"input 'image' is uint8 \[64, 96, 3\]"):
        load_segmenter(str(small.path), 'onnxruntime')


def test_backends_that_cannot_run_it_are_named(make_referring_bundle):
    with pytest.raises(BackendError, match='openvino, onnxruntime, torch'):
        load_segmenter(str(make_referring_bundle().path), 'tensorrt')
