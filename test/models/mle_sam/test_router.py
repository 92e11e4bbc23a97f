"""Laws of the router."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_models.mle_sam.router import (
    Router,
    balance_penalty,
    equal_weights,
    reported_weights,
    weighted_sum,
)
from mmseg_models.presence import Presence

DIM, LEVELS = 6, 3


def make(total, sharing='level', top_k=None, seed=0):
    torch.manual_seed(seed)
    router = Router(DIM, total, LEVELS, sharing, top_k or total)
    for parameter in router.parameters():
        torch.nn.init.normal_(parameter)
    return router


def features(members, batch, seed=1):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(LEVELS, members, batch, DIM, 2, 3, generator=generator)
    return [level.flatten(0, 1) for level in maps]


def pick(pyramid, order, batch):
    return [level.unflatten(0, (-1, batch))[list(order)].flatten(0, 1) for level in pyramid]


@st.composite
def availability(draw, total=4):
    row = st.lists(st.booleans(), min_size=total, max_size=total).filter(any)
    return torch.tensor(draw(st.lists(row, min_size=1, max_size=3))).T


@settings(max_examples=40, deadline=None)
@given(availability(), st.integers(1, 4), st.sampled_from(['level', 'all', 'modality', 'mean']))
def test_weights_sum_to_one_over_what_is_there(mask, top_k, sharing):
    total, batch = mask.shape
    presence = Presence(tuple(range(total)), total, mask)
    routing = make(total, sharing, top_k)(features(total, batch), presence)
    torch.testing.assert_close(routing.weights.sum(dim=1), torch.ones(LEVELS, batch))
    assert (routing.weights[:, ~mask] == 0).all()
    assert ((routing.weights > 0).sum(dim=1) == mask.sum(dim=0).clamp(max=top_k)).all()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)), st.integers(1, 4), st.sampled_from(['level', 'all']))
def test_another_order_of_modalities_gives_the_same_weights_in_that_order(order, top_k, sharing):
    router, pyramid = make(4, sharing, top_k), features(4, 2)
    presence = Presence((0, 1, 2, 3), 4)
    weights = router(pyramid, presence).weights
    turned = router(pick(pyramid, order, 2), presence).weights
    torch.testing.assert_close(turned, weights[:, list(order)])


@pytest.mark.parametrize('sharing', ['level', 'all', 'modality'])
def test_letting_all_through_is_the_soft_sum(sharing):
    presence = Presence((0, 1, 2, 3), 4)
    router, pyramid = make(4, sharing, top_k=4), features(4, 2)
    routing = router(pyramid, presence)
    assert torch.equal(routing.weights, routing.soft)
    summed = weighted_sum(pyramid[0], routing.weights[0], presence)
    parts = pyramid[0].unflatten(0, (4, 2))
    expected = sum(routing.soft[0, m, :, None, None, None] * parts[m] for m in range(4))
    torch.testing.assert_close(summed, expected)


@pytest.mark.parametrize('sharing', ['level', 'all', 'modality'])
@pytest.mark.parametrize('gone', range(4))
def test_a_modality_that_goes_only_renormalizes_the_others(gone, sharing):
    router, pyramid = make(4, sharing), features(4, 2)
    whole = router(pyramid, Presence((0, 1, 2, 3), 4)).weights
    left = [m for m in range(4) if m != gone]
    expected = whole[:, left] / whole[:, left].sum(dim=1, keepdim=True)
    skipped = router(pick(pyramid, left, 2), Presence(tuple(left), 4)).weights
    torch.testing.assert_close(skipped, expected)
    mask = torch.ones(4, 2, dtype=torch.bool)
    mask[gone] = False
    masked = router(pyramid, Presence((0, 1, 2, 3), 4, mask)).weights
    torch.testing.assert_close(masked[:, left], expected)


def test_the_best_k_keep_their_ratio():
    router, pyramid = make(4, top_k=2), features(4, 3)
    routing = router(pyramid, Presence((0, 1, 2, 3), 4))
    best = routing.soft.topk(2, dim=1)
    kept = routing.weights.gather(1, best.indices)
    torch.testing.assert_close(kept, best.values / best.values.sum(dim=1, keepdim=True))


def test_an_untrained_router_weights_all_alike():
    router = Router(DIM, 4, LEVELS, 'level', 4)
    presence = Presence((0, 2), 4)
    routing = router(features(2, 3), presence)
    assert torch.equal(routing.weights, torch.full((LEVELS, 2, 3), 0.5))
    assert torch.equal(routing.weights[0], equal_weights(routing, presence))


def test_gates_are_counted():
    counted = {
        sharing: sum(p.numel() for p in Router(256, 4, 3, sharing, 4).parameters())
        for sharing in ('level', 'all', 'modality', 'mean')
    }
    assert counted == {'level': 768, 'all': 256, 'modality': 3 * 4 * 257, 'mean': 0}


def test_the_penalty_is_the_squared_variation_of_the_shares():
    presence = Presence((0, 1, 2, 3), 4)
    routing = make(4)(features(4, 5), presence)
    share = routing.soft.mean(dim=2)
    expected = (share.std(dim=1, correction=0) / share.mean(dim=1)).square().mean()
    torch.testing.assert_close(balance_penalty(routing, presence), expected)
    assert balance_penalty(Router(DIM, 4, 3, 'mean', 4)(features(4, 5), presence), presence) == 0


def test_the_penalty_knows_that_absent_sensors_cannot_be_used():
    mask = torch.tensor([[True, True], [True, False], [True, False]])
    presence = Presence((0, 1, 2), 3, mask)
    routing = Router(DIM, 3, LEVELS, 'mean', 3)(features(3, 2), presence)
    assert balance_penalty(routing, presence).item() == pytest.approx(0.0, abs=1e-12)


def test_reported_weights_have_a_place_for_every_modality():
    routing = make(4)(features(2, 3), Presence((1, 3), 4))
    reported = reported_weights(routing, Presence((1, 3), 4))
    assert reported.shape == (3, 4)
    assert (reported[:, [0, 2]] == 0).all()
    torch.testing.assert_close(reported.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(reported[:, 1], routing.weights[:, 0].mean(dim=0))
