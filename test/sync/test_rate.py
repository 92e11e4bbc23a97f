import pytest

from mmseg_ros.sync.rate import RateEstimator

MS = 1_000_000


def learned(deltas_ms):
    rate = RateEstimator()
    for delta_ms in deltas_ms:
        rate.add(delta_ms * MS)
    return rate


def test_unknown_before_two_samples():
    rate = RateEstimator()
    assert (rate.period_ns, rate.rate_hz, rate.is_regular) == (0, 0.0, False)


def test_known_from_the_second_sample_on():
    assert learned([100]).rate_hz == pytest.approx(10.0)


def test_single_gaps_do_not_count():
    rate = learned([100, 100, 100, 700, 100, 100, 100, 100])
    assert rate.rate_hz == pytest.approx(10.0)
    assert rate.is_regular


def test_a_new_rate_is_learned_within_two_blocks():
    rate = learned([100] * 11 + [10] * 16)
    assert rate.rate_hz == pytest.approx(100.0)


def test_shortest_distance_and_irregular_streams():
    rate = learned([100, 30, 170, 100, 90, 110, 100, 100])
    assert rate.shortest_ns == 30 * MS
    assert not rate.is_regular


def test_few_distances_do_not_show_the_jitter():
    assert learned([100]).shortest_ns == 85 * MS
    assert learned([100] * 8).shortest_ns == 100 * MS
