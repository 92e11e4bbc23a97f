"""StitchFusion equals the authors' code on stored values."""

import pytest
import torch

from mmseg_models import create_model

KINDS = {'none': 'none', 'sMoA': 'shared', 'obMoA': 'bidirectional', 'tuMoA': 'unidirectional'}
CASES = [
    'M1/none/sum',
    'M1/none/ffm',
    *(f'M2/{kind}/{fuse}' for kind in KINDS for fuse in ('sum', 'ffm')),
    'M4/obMoA/sum',
    'M4/none/sum',
]


def build(case):
    count, kind, fuse = case.split('/')
    modalities = tuple('abcd'[: int(count[1])])
    return create_model(
        'stitchfusion', encoder='mit_b0', modalities=modalities, adapter=KINDS[kind], fuse=fuse
    )


def test_every_stored_case_is_checked(golden):
    assert set(CASES) == set(golden('stitchfusion_mit_b0.json'))


@pytest.mark.parametrize('case', CASES)
def test_stages_and_logits(case, golden, fill_by_rule, golden_images, check_statistics):
    stored = golden('stitchfusion_mit_b0.json')[case]
    model = fill_by_rule(build(case))
    images = golden_images(len(model.modalities))
    features = []
    model.head.register_forward_pre_hook(lambda _, read: features.extend(read[0]))
    with torch.inference_mode():
        logits = model(images)
    for feature, statistics in zip(features, stored['stages'], strict=True):
        check_statistics(feature, statistics)
    check_statistics(logits, stored['logits'])
