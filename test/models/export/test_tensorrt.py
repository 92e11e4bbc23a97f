"""Exported graphs become engines of TensorRT-RTX, whose parser and builder need no GPU."""

from dataclasses import replace

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.export.bundle import write_bundle
from mmseg_ros.inference.tensorrt_build import build_engine, import_library

pytest.importorskip(
    'tensorrt_rtx', reason='real engines are not built: pip install .[tensorrt-rtx]'
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


@pytest.mark.slow
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_stitchfusion_builds(manifest, tmp_path, precision):
    torch.manual_seed(0)
    names = ('rgb', 'lidar')
    model = create_model(
        'stitchfusion',
        encoder='mit_b0',
        modalities=names,
        num_classes=5,
        adapter='shared',
        decoder_dim=32,
    )
    wanted = replace(manifest(names, 64, 64), precision=precision)
    bundle = write_bundle(model, wanted, tmp_path / precision)
    weights = bundle.manifest.files['model.safetensors'].bytes
    assert all(0.5 * weights < size < 10 * weights for size in build_all(bundle).values())
