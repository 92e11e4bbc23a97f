"""Every known data set trains, validates and is scored through the command line."""

import json

import onnx
import pytest
from miniatures import WRITERS

from mmseg_ros.cli import main
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.reader import readers
from mmseg_ros.inference.bundle import seal_bundle
from mmseg_ros.inference.manifest import Manifest, ModalitySpec

STEPS = 2


@pytest.fixture(autouse=True)
def _one_thread():
    torch = pytest.importorskip('torch')
    torch.set_num_threads(1)


@pytest.fixture(params=sorted(WRITERS))
def tree(request, tmp_path):
    """Return the folder of a miniature and what it holds."""
    root = tmp_path / 'set'
    root.mkdir()
    return root, WRITERS[request.param](root)


def encodings_of(mini):
    standard = {
        'rgb': 'rgb',
        'depth': 'hha',
        'event': 'polarity',
        'lidar': 'range_intensity_height',
    }
    known = standard | dict(mini.encodings)
    return {name: known[name] for name in mini.modalities}


def write_recipe(path, root, mini, run_dir):
    recipe = {
        'run_dir': str(run_dir),
        'steps': STEPS,
        'batch_size': 1,
        'threads': 1,
        'log_every': 1,
        'data': {
            'root': str(root),
            'modalities': list(mini.modalities),
            'encodings': encodings_of(mini),
            'label_space': mini.label_space,
            'train_split': mini.train,
            'val_split': mini.val,
            'height': 32,
            'width': 32,
            'statistics': {
                name: {'mean': [0.5] * 3, 'std': [0.5] * 3} for name in mini.modalities
            },
        },
        'model': {
            'name': 'stitchfusion',
            'options': {'encoder': 'mit_b0', 'adapter': 'none', 'fuse': 'sum', 'decoder_dim': 8},
        },
        'optimizer': {'warmup_steps': 1, 'ema_decay': 0.0},
        'validation': {'every': STEPS},
    }
    path.write_text(json.dumps(recipe))  # JSON is YAML
    return path


def write_bundle(path, mini, graph):
    path.mkdir(parents=True)
    onnx.save(graph(len(mini.modalities), 32, 32), path / 'model.onnx')
    (path / 'model.safetensors').write_bytes(b'\x02\0\0\0\0\0\0\0{}')
    specs = tuple(
        ModalitySpec(name, encoding, (0.0,) * 3, (1.0,) * 3)
        for name, encoding in encodings_of(mini).items()
    )
    manifest = Manifest(
        name=path.name,
        model='brightest_channel',
        model_options={},
        modalities=specs,
        height=32,
        width=32,
        label_space=load_label_space(mini.label_space),
        precision='fp32',
        training={'data': 'none'},
        metrics={},
        licence='Apache-2.0',
    )
    return seal_bundle(path, manifest).path


def test_train_validate_evaluate(tree, tmp_path, brightest_graph):
    root, mini = tree
    recipe = write_recipe(tmp_path / 'recipe.yaml', root, mini, tmp_path / 'run')
    assert main(['train', '--config', str(recipe)]) == 0
    rows = [json.loads(line) for line in (tmp_path / 'run' / 'log.jsonl').read_text().splitlines()]
    assert rows[-1]['step'] == STEPS
    assert (tmp_path / 'run' / 'best.safetensors').is_file()
    bundle = write_bundle(tmp_path / 'bundle', mini, brightest_graph)
    output = tmp_path / 'out'
    arguments = ['--bundle', str(bundle), '--split', mini.val, '--output', str(output)]
    assert main(['evaluate', str(root), *arguments, '--subsets', 'none']) == 0
    metrics = json.loads((output / 'metrics.json').read_text())
    assert metrics['dataset']['frames'] >= 1
    assert metrics['scores'][0]['miou'] is not None
    assert metrics['label_space']['id'] == mini.label_space


@pytest.mark.parametrize('name', sorted(n for n, r in readers().items() if r.legacy))
def test_the_legacy_protocol_says_how_it_deviates(name, tmp_path, brightest_graph, capsys):
    root = tmp_path / 'set'
    mini = WRITERS[name](root)
    bundle = write_bundle(tmp_path / 'bundle', mini, brightest_graph)
    output = tmp_path / 'out'
    arguments = ['--bundle', str(bundle), '--split', mini.val, '--output', str(output)]
    arguments += ['--subsets', 'none', '--protocol', 'legacy']
    assert main(['evaluate', str(root), *arguments]) == 0
    legacy = json.loads((output / 'metrics.json').read_text())['legacy']
    assert legacy['deviation'] in capsys.readouterr().out
    assert 0.0 <= legacy['miou'] <= 1.0
