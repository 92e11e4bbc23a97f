"""A bundle of MLE-SAM tells the router's weights on every subset, with and without merging."""

import numpy as np
import pytest
import torch

from mmseg_models.export.bundle import write_bundle
from mmseg_models.export.deployed import deployed_graph
from mmseg_models.export.parity import probe_images
from mmseg_models.export.subset_graphs import group_subsets
from mmseg_models.mle_sam.merging import merge_experts
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.manifest import Manifest, ModalitySpec


def manifest(model):
    classes = tuple(LabelClass(i, f'c{i}', (i, i, i), '') for i in range(model.num_classes))
    specs = tuple(ModalitySpec(m, 'rgb', (0.5,) * 3, (0.25,) * 3) for m in model.modalities)
    return Manifest(
        name='small',
        model='mle_sam',
        model_options=model.options,
        modalities=specs,
        height=64,
        width=64,
        label_space=LabelSpace('five', classes, 255),
        precision='fp32',
        training={},
        metrics={},
        licence='Apache-2.0',
    )


def expected(model, images, available):
    x = torch.from_numpy((images / 255.0 - 0.5) / 0.25).float().permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        found = model.segment_and_route(*model.prepare(x, torch.from_numpy(available)[None]))
        logits = torch.nn.functional.interpolate(found[0], (64, 64), mode='bilinear')
    return logits.argmax(dim=1)[0].numpy(), found[1][0].numpy()


@pytest.mark.slow
@pytest.mark.parametrize(('runtime', 'merged'), [('onnxruntime', True), ('torch', False)])
def test_labels_and_router_weights_on_every_subset(build, tmp_path, runtime, merged):
    model = build(modalities=('rgb', 'lidar'), top_k=None if merged else 1)
    exported = merge_experts(model) if merged else model
    bundle = write_bundle(exported, manifest(exported), tmp_path / 'small')
    assert sorted(bundle.manifest.subsets) == [
        'model.lidar.onnx',
        'model.rgb-lidar.onnx',
        'model.rgb.onnx',
    ]
    backend = create_backend(runtime, threads=1)
    backend.load(bundle)
    images = probe_images(bundle)
    for available in (np.array([True, True]), np.array([False, True])):
        labels, weights = expected(model, images, available)
        for _ in range(2):
            found = backend.infer(images, available)
            assert backend.settle()
            assert (found.labels == labels).mean() > 0.999
            np.testing.assert_allclose(found.router_weights, weights, atol=1e-4)
            assert found.router_weights.dtype == np.float32
    backend.close()


def test_alike_networks_are_not_shared_between_sensors(build):
    # Without experts rgb and lidar are the same network, but their weights stand in two places.
    model = build(modalities=('rgb', 'lidar'), rank=0)
    groups = group_subsets(deployed_graph(model, manifest(model)), 64, 64)
    assert groups == [[(0,)], [(1,)], [(0, 1)]]
