"""The bundle that ships answers as its network in torch, on every runtime and sensor subset."""

import importlib.util

import pytest

from mmseg_models.export.deployed import deployed_graph, deployed_network
from mmseg_models.export.parity import check_parity
from mmseg_ros.core.resources import bundle_directory
from mmseg_ros.inference.bundle import load_bundle

SUBSETS = 15


@pytest.fixture(autouse=True)
def own_engine_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime', 'torch'])
def test_every_graph_agrees_with_torch_on_every_subset(runtime, record_property):
    if importlib.util.find_spec(runtime) is None:
        pytest.skip(f'{runtime} is not installed')
    bundle = load_bundle(bundle_directory('stitchfusion-b0-sim'))
    graph = deployed_graph(deployed_network(bundle).model, bundle.manifest)
    found = check_parity(graph, bundle, runtime)
    record_property('least_agreement', min(parity.agreement for parity in found))
    record_property('confidence', max(parity.confidence_difference for parity in found))
    assert len(found) == 2 * SUBSETS
    assert {parity.file for parity in found} == {'model.onnx', *bundle.manifest.subsets}
