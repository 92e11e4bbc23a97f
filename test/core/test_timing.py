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


def test_only_the_last_seconds_can_be_asked_for():
    statistics = StageStatistics()
    for second in range(10):
        statistics.add({'infer': float(second)}, now_s=float(second))
    statistics.add({'load': 1.0}, now_s=0.0)
    recent = statistics.percentiles_ms(within_s=2.0, now_s=9.0)
    assert recent == {'infer': {'p50': 8.0, 'p95': pytest.approx(8.9), 'p99': pytest.approx(8.98)}}
    assert set(statistics.percentiles_ms(now_s=9.0)) == {'infer', 'load'}


def test_percentiles_of_chosen_stages_only():
    statistics = StageStatistics()
    statistics.add({'infer': 1.0, 'load': 2.0})
    assert statistics.percentiles_ms(names=('load', 'other')) == {
        'load': {'p50': 2.0, 'p95': 2.0, 'p99': 2.0}
    }
