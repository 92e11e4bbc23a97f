import argparse

from mmseg_models.training import legs
from mmseg_ros.commands import train


def test_freed_memory_serves_again_before_the_first_step(monkeypatch, capsys):
    done = []

    def train_legs(recipe):
        done.append(f'train for {recipe.steps} steps')
        return {'rgb': {'miou': 0.5}}

    monkeypatch.setattr(train, 'keep_freed_memory', lambda: done.append('keep'))
    monkeypatch.setattr(legs, 'train_legs', train_legs)
    arguments = argparse.Namespace(
        config='models/recipes/smoke.yaml',
        overrides=['--steps', '7'],
        dry_run=False,
        estimate_memory=False,
    )
    assert train.run(arguments) == 0
    assert done == ['keep', 'train for 7 steps']
    assert capsys.readouterr().out.startswith('0.500  rgb\n')
