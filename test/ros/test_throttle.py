from mmseg_ros.ros import throttle
from mmseg_ros.ros.throttle import Throttle


def test_same_cause_is_written_once_per_period_and_counted(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(throttle.time, 'monotonic', lambda: now[0])
    lines: list[str] = []
    log = Throttle(lines.append, period_s=5.0)
    for step in range(10):
        log(f'step is {step}, must be 99')
    log('another cause')
    assert lines == ['step is 0, must be 99', 'another cause']
    now[0] += 5.0
    log('step is 11, must be 99')
    assert lines[-1] == 'step is 11, must be 99 (9 more like this)'


def test_number_of_causes_is_bounded():
    log = Throttle(lambda _: None)
    for i in range(2000):
        log('x' * i)
    assert len(log._held) <= 256
