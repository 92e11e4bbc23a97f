"""The bundles that ship answer as their networks in torch, on every runtime and sensor subset."""

import importlib.util

import pytest

from mmseg_models.export.deployed import deployed_graph, deployed_network
from mmseg_models.export.parity import check_parity
from mmseg_models.export.referring_graph import referring_network
from mmseg_models.export.referring_parity import check_referring_parity
from mmseg_ros.commands.leaderboard import segmentation_bundles
from mmseg_ros.core.resources import bundle_directory
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.referring.bundle import SEGMENTER_FILE, TEXT_FILE, load_referring_bundle

SUBSETS = 15
LARGEST_BYTES = 90e6


def test_every_system_ships_a_bundle_and_all_are_small_together():
    folder = bundle_directory('crossvlt-small-sim').parent
    models = {
        load_bundle(bundle_directory(name)).manifest.model for name in segmentation_bundles()
    }
    assert models >= {'stitchfusion', 'geminifusion', 'mle_sam'}
    assert sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) < LARGEST_BYTES


@pytest.fixture(autouse=True)
def own_engine_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize('name', segmentation_bundles())
@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime', 'torch'])
def test_every_graph_agrees_with_torch_on_every_subset(runtime, name, record_property):
    if importlib.util.find_spec(runtime) is None:
        pytest.skip(f'{runtime} is not installed')
    bundle = load_bundle(bundle_directory(name))
    graph = deployed_graph(deployed_network(bundle).model, bundle.manifest)
    found = check_parity(graph, bundle, runtime)
    record_property('least_agreement', min(parity.agreement for parity in found))
    record_property('confidence', max(parity.confidence_difference for parity in found))
    assert len(found) == 2 * SUBSETS
    assert {parity.file for parity in found} == {'model.onnx', *bundle.manifest.subsets}


@pytest.mark.slow
@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime'])
def test_text_prompted_graphs_agree_with_torch(runtime, record_property):
    if importlib.util.find_spec(runtime) is None:
        pytest.skip(f'{runtime} is not installed')
    bundle = load_referring_bundle('crossvlt-small-sim')
    text, segmenter = (referring_network(bundle, file) for file in (TEXT_FILE, SEGMENTER_FILE))
    found = check_referring_parity(text, segmenter, bundle, runtime)
    record_property('steps', found.steps)
    assert found.agreement > 0.999
