from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.sim.world.street import free_spans

_gap = st.tuples(st.floats(0, 100), st.floats(0, 20)).map(lambda p: (p[0], p[0] + p[1]))


def test_free_spans_cut_out_gaps():
    assert free_spans(0, 100, [(20, 30), (25, 40), (90, 120)]) == [(0, 20), (40, 90)]
    assert free_spans(0, 10, []) == [(0, 10)]


@given(st.lists(_gap, max_size=6))
def test_free_spans_meet_no_gap(gaps):
    spans = free_spans(0.0, 100.0, gaps)
    for low, high in spans:
        assert 0 <= low < high <= 100
        assert all(high <= a or low >= b for a, b in gaps if b > a)
