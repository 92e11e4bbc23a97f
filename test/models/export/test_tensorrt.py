"""Exported graphs become engines of TensorRT-RTX, whose parser and builder need no GPU."""

from dataclasses import replace

import pytest
import torch

from mmseg_models import create_model, list_models
from mmseg_models.export.bundle import write_bundle
from mmseg_models.export.deployed import deployed_graph, deployed_network
from mmseg_models.export.onnx_graph import write_masked_graph
from mmseg_models.export.open_size import OPEN_FILE, write_open_graph
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.tensorrt_build import build_engine, import_library

pytest.importorskip('tensorrt_rtx', reason='real engines are not built: make test-tensorrt')

NAMES = ('rgb', 'lidar')
TINY = {
    'stitchfusion': {'encoder': 'mit_tiny_test', 'adapter': 'shared', 'decoder_dim': 16},
    'geminifusion': {'encoder': 'mit_tiny_test', 'decoder_dim': 16},
    'mle_sam': {'encoder': 'hiera_tiny_test', 'rank': 4},
}

# MLE-SAM's windows make shapes at run time that TensorRT-RTX 1.7 does not build.
OPEN_IN_TENSORRT = ('stitchfusion', 'geminifusion')


def tiny_model(name):
    torch.manual_seed(0)
    return create_model(name, modalities=NAMES, num_classes=5, **TINY[name]).eval()


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
@pytest.mark.parametrize('name', OPEN_IN_TENSORRT)
def test_open_sizes_build_with_a_range(tiny_encoders, manifest, tmp_path, name, precision):
    model = tiny_model(name)
    if precision == 'fp16':
        model = model.half()
    path = tmp_path / OPEN_FILE
    write_open_graph(deployed_graph(model, manifest(NAMES, 64, 64)), path)
    sizes = tuple((1, len(NAMES), side, 2 * side, 3) for side in (64, 96, 192))
    assert build_engine(import_library(), path, {'images': sizes})


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
