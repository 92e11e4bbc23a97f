"""Exported graphs become engines of TensorRT-RTX, whose parser and builder need no GPU."""

from dataclasses import replace

import pytest
import torch

from mmseg_models import create_model, list_models
from mmseg_models.export.bundle import write_bundle
from mmseg_models.export.deployed import deployed_graph, deployed_network
from mmseg_models.export.dynamic_graph import write_dynamic_graph
from mmseg_models.export.onnx_graph import write_masked_graph
from mmseg_models.export.referring_graph import (
    SegmenterGraph,
    TextGraph,
    write_segmenter_graph,
    write_text_graph,
)
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.tensorrt_build import build_engine, import_library
from mmseg_ros.referring.bundle import SEGMENTER_FILE, TEXT_FILE, ReferringManifest
from mmseg_ros.referring.graphs import MASK_INPUT, TEXT_INPUT, TEXT_INPUTS

pytest.importorskip('tensorrt_rtx', reason='real engines are not built: make test-tensorrt')

NAMES = ('rgb', 'lidar')
TINY = {
    'stitchfusion': {'encoder': 'mit_tiny_test', 'adapter': 'shared', 'decoder_dim': 16},
    'geminifusion': {'encoder': 'mit_tiny_test', 'decoder_dim': 16},
    'mle_sam': {'encoder': 'hiera_tiny_test', 'rank': 4},
}
WORDS = 8
SENTENCES = (1, 2, 8)


def tiny_model(name):
    torch.manual_seed(0)
    return create_model(name, modalities=NAMES, num_classes=5, **TINY[name]).eval()


def referring_manifest():
    return ReferringManifest(
        name='small',
        model='crossvlt',
        model_options={},
        height=64,
        width=96,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        max_tokens=WORDS,
        precision='fp32',
        training={},
        metrics={},
        licence='Apache-2.0',
    )


def build_all(bundle):
    library = import_library()
    return {
        file: len(build_engine(library, bundle.path / file))
        for file in ('model.onnx', *bundle.manifest.subsets)
    }


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_every_graph_builds(small_model, manifest, tmp_path, precision):
    wanted = replace(manifest(('rgb', 'lidar')), precision=precision)
    bundle = write_bundle(small_model(modalities=('rgb', 'lidar')), wanted, tmp_path / precision)
    assert set(build_all(bundle)) == {'model.onnx', 'model.any-1.onnx', 'model.rgb-lidar.onnx'}


def test_no_registered_model_is_left_out():
    assert set(TINY) == set(list_models('segmentation'))
    assert list_models('referring') == ['crossvlt']


@pytest.mark.slow
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('name', TINY)
def test_every_registered_model_builds(tiny_encoders, manifest, tmp_path, name, precision):
    model = tiny_model(name)
    wanted = replace(manifest(NAMES, 64, 64), precision=precision)
    bundle = write_bundle(model, wanted, tmp_path / precision)
    weights = bundle.manifest.files['model.safetensors'].bytes
    assert all(size > 0.3 * weights for size in build_all(bundle).values())


@pytest.mark.slow
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('name', TINY)
def test_open_graphs_build_with_a_range_of_sizes_and_sensors(
    tiny_encoders, manifest, tmp_path, name, precision
):
    model = tiny_model(name)
    if precision == 'fp16':
        model = model.half()
    path = tmp_path / 'dynamic.onnx'
    write_dynamic_graph(deployed_graph(model, manifest(NAMES, 64, 64)), path)
    cases = [(1, 64), (2, 96), (2, 192)]
    ranges = {
        'images': tuple((1, sensors, side, 2 * side, 3) for sensors, side in cases),
        'members': tuple((sensors,) for sensors, _ in cases),
    }
    assert build_engine(import_library(), path, ranges)


@pytest.mark.slow
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_text_prompted_graphs_build_with_a_range_of_sentences(tiny_encoders, tmp_path, precision):
    torch.manual_seed(0)
    options = {'depths': (1, 0, 0, 0), 'align_dim': 8, 'head_dim': 8, 'decoder_dim': 16}
    model = create_model(
        'crossvlt', encoder='swin_tiny_test', text='bert_short', vocabulary_size=10, **options
    ).eval()
    if precision == 'fp16':
        model = model.half()
    wanted = referring_manifest()
    text_dim = model.text.embedding.words.embedding_dim
    write_text_graph(TextGraph(model).eval(), WORDS, tmp_path)
    write_segmenter_graph(SegmenterGraph(model, wanted).eval(), wanted, text_dim, tmp_path)
    words = tuple((sentences, WORDS) for sentences in SENTENCES)
    features = tuple((*shape, text_dim) for shape in words)
    library = import_library()
    assert build_engine(library, tmp_path / TEXT_FILE, dict.fromkeys(TEXT_INPUTS, words))
    ranges = {TEXT_INPUT: features, MASK_INPUT: words}
    assert build_engine(library, tmp_path / SEGMENTER_FILE, ranges)


@pytest.mark.slow
def test_the_shipped_bundle_builds():
    bundle = load_bundle('stitchfusion-b0-sim')
    weights = bundle.manifest.files['model.safetensors'].bytes
    assert all(weights < size < 4 * weights for size in build_all(bundle).values())


@pytest.mark.slow
def test_the_shipped_network_builds_in_half_precision(tmp_path):
    bundle = load_bundle('stitchfusion-b0-sim')
    manifest = bundle.manifest
    graph = deployed_graph(deployed_network(bundle).model.half(), manifest)
    write_masked_graph(graph, manifest.height, manifest.width, tmp_path / 'model.onnx')
    assert build_engine(import_library(), tmp_path / 'model.onnx')
