import pytest

from mmseg_ros.core.timing import StageStatistics, StageTimer


def test_a_stage_entered_twice_adds_up(monkeypatch):
    clock = iter([0, 2_000_000, 5_000_000, 6_000_000])
    monkeypatch.setattr('time.perf_counter_ns', lambda: next(clock))
    timer = StageTimer()
    for _ in range(2):
        with timer.stage('encode'):
            pass
    assert timer.stage_ms == {'encode': pytest.approx(3.0)}


def test_a_failing_stage_is_still_timed():
    timer = StageTimer()
    with pytest.raises(KeyError), timer.stage('infer'):
        raise KeyError
    assert 'infer' in timer.stage_ms


def test_percentiles_of_the_window():
    statistics = StageStatistics(window=100)
    for value in range(1000):
        statistics.add({'infer': float(value)})
    assert statistics.percentiles_ms()['infer']['p50'] == pytest.approx(949.5)
