"""RefCOCO, RefCOCO+ and RefCOCOg train, validate and are scored through the command line."""

import json

import pytest

from mmseg_ros.cli import main
from mmseg_ros.datasets.refer_coco import SPLITS

STEPS = 2


@pytest.fixture(autouse=True)
def _one_thread():
    torch = pytest.importorskip('torch')
    torch.set_num_threads(1)


def write_recipe(path, root, split_by, run_dir):
    recipe = {
        'task': 'referring',
        'run_dir': str(run_dir),
        'steps': STEPS,
        'threads': 1,
        'log_every': 1,
        'validate_every': STEPS,
        'options': {
            'encoder': 'mit_b0', 'text': 'bert_short', 'depths': [1, 0, 0, 0],
            'align_dim': 16, 'head_dim': 16, 'decoder_dim': 16,
        },
        'data': {
            'roots': [str(root)], 'split_by': split_by, 'height': 32, 'width': 64,
            'images': 2, 'sentences': 1,
        },
        'loss': {'classes': 0.0},
        'optimizer': {'warmup_steps': 1, 'ema_decay': 0.0},
    }  # fmt: skip
    path.write_text(json.dumps(recipe))  # JSON is YAML
    return path


@pytest.mark.parametrize(
    ('name', 'split_by'), [(name, by) for name, splits in SPLITS.items() for by in splits]
)
def test_train_validate_evaluate(refcoco, name, split_by, tmp_path, make_referring_bundle):
    root, run = refcoco / name, tmp_path / 'run'
    recipe = write_recipe(tmp_path / 'recipe.yaml', root, split_by, run)
    assert main(['train', '--config', str(recipe)]) == 0
    rows = [json.loads(line) for line in (run / 'log.jsonl').read_text().splitlines()]
    assert rows[-1]['step'] == STEPS
    assert (run / 'best.safetensors').is_file()
    if split_by != next(iter(SPLITS[name])):
        return  # evaluate takes the usual split
    output = tmp_path / 'out'
    arguments = ['--bundle', str(make_referring_bundle().path), '--output', str(output)]
    assert main(['evaluate', str(root), '--split', 'val', *arguments]) == 0
    assert json.loads((output / 'metrics.json').read_text())
