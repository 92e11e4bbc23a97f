"""Shares of present modalities always add up to those of all of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_models.presence import Presence, gather_present


@st.composite
def availability(draw):
    total = draw(st.integers(1, 5))
    row = st.lists(st.booleans(), min_size=total, max_size=total).filter(any)
    return torch.tensor(draw(st.lists(row, min_size=1, max_size=4)))


@settings(max_examples=60, deadline=None)
@given(availability())
def test_sum_of_equal_maps_does_not_depend_on_who_is_there(available):
    batch, total = available.shape
    x_S, presence = gather_present(torch.ones(batch, total, 3, 2, 2), available)
    summed = presence.renormalized(x_S).sum(dim=0)
    torch.testing.assert_close(summed, torch.full_like(summed, total))


@settings(max_examples=60, deadline=None)
@given(availability())
def test_each_present_modality_hears_the_weight_of_all_others(available):
    batch, total = available.shape
    _, presence = gather_present(torch.ones(batch, total, 3, 2, 2), available)
    message = torch.ones(batch, 1)
    heard = [presence.scale_message(message, i) for i in range(len(presence.members))]
    for sample in range(batch):
        for position, member in enumerate(presence.members):
            if available[sample, member] and available[sample].sum() > 1:
                others = [w[sample, 0] for i, w in enumerate(heard) if i != position]
                assert float(sum(others)) == pytest.approx(total - 1, rel=1e-5)


def test_modalities_that_nobody_has_are_left_out():
    available = torch.tensor([[True, False, False], [True, False, True]])
    x_S, presence = gather_present(torch.ones(2, 3, 3, 2, 2), available)
    assert presence.members == (0, 2)
    assert x_S.shape == (4, 3, 2, 2)
    assert presence.mask.tolist() == [[True, True], [False, True]]
    assert presence.split(x_S)[1, 0].eq(0).all()


def test_full_presence_scales_nothing():
    presence = Presence((0, 1), 2)
    x_S = torch.randn(4, 3)
    assert torch.equal(presence.renormalized(x_S), presence.split(x_S))
    assert presence.scale_message(x_S, 0) is x_S
