"""GeminiFusion equals the authors' code on stored values."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.reference_weights import export_reference


def branch_results(model, images):
    with torch.inference_mode():
        features, branches = model.encoder(*model.prepare(images, None))
        logits = model.branch_logits(features, branches)
        ensemble = model.ensemble(logits, branches)
    stages = [branches.split(feature) for feature in features]
    return [[stage[i] for stage in stages] for i in (0, 1)], logits, ensemble


def check_case(model, images, stored, check_statistics):
    stages, logits, ensemble = branch_results(model, images)
    for branch in (0, 1):
        for feature, statistics in zip(stages[branch], stored[f'stages{branch}'], strict=True):
            check_statistics(feature, statistics)
    return logits, ensemble


@pytest.mark.parametrize('count', [2, 3])
def test_deliver_branch(count, golden, fill_by_rule, golden_images, check_statistics):
    stored = golden('geminifusion_mit_b0.json')[f'M{count}']
    model = fill_by_rule(
        create_model(
            'geminifusion',
            encoder='mit_b0',
            modalities=tuple('abc'[:count]),
            decoder_dim=512,
            unused_score_nets=count > 2,
        )
    )
    images = golden_images(count)
    check_case(model, images, stored, check_statistics)
    with torch.inference_mode():
        check_statistics(model(images), stored['ens'])
        for x, name in zip(
            model.training_logits(images), ('logits0', 'logits1', 'ens'), strict=True
        ):
            check_statistics(x, stored[name])


@pytest.mark.parametrize('encoder', ['mit_b0', 'swin_tiny'])
def test_main_branch(encoder, golden, fill_by_rule, golden_images, check_statistics):
    stored = golden('geminifusion_main_branch.json')[encoder]
    model = create_model(
        'geminifusion', encoder=encoder, modalities=('a', 'b'), num_classes=40, decoder_dim=256
    )
    fill_by_rule(model, layout='main')
    keys = export_reference(model, layout='main')
    assert len(keys) == stored['n_keys']
    assert set(stored['keys_sample']) <= set(keys)
    assert sum(p.numel() for p in model.parameters()) == stored['params']
    logits, ensemble = check_case(model, golden_images(2), stored, check_statistics)
    for x, name in zip((*logits, ensemble), ('logits0', 'logits1', 'ens'), strict=True):
        check_statistics(x, stored[name])
