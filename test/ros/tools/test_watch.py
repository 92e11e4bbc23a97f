"""The line per second: what it says of reports, and that none is lost on the way."""

from types import SimpleNamespace

from mmseg_ros.ros.tools.watch import Watch


def report(time_s, published=0, latency='41.5', lost=(), parts=('processing',)):
    def status(part, **values):
        pairs = [SimpleNamespace(key=k, value=str(v)) for k, v in values.items()]
        return SimpleNamespace(name=f'mmseg: {part}', message='', values=pairs)

    sensors = [
        status(f'sensor {name}', health='LOST' if name in lost else 'OK')
        for name in ('rgb', 'lidar')
    ]
    found = [status(part, published=published, latency_p50_ms=latency) for part in parts]
    stamp = SimpleNamespace(sec=int(time_s), nanosec=round(time_s % 1 * 1e9))
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), status=[*sensors, *found])


def test_it_names_rate_latency_and_what_is_out():
    wall = iter((7.0, 9.0))
    watch = Watch(clock=lambda: next(wall))
    assert watch.line(report(100.0, 5)).split() == (
        ['0.0', 's', '-', 'labels/s', '42', 'ms', 'all', 'sensors', 'deliver']
    )
    assert watch.line(report(100.5, 25, lost=['lidar'])).split() == (
        ['0.5', 's', '10.0', 'labels/s', '42', 'ms', 'lidar', 'is', 'out']
    )


def test_a_clock_that_jumps_back_begins_again():
    watch = Watch()
    watch.line(report(100.0, 5))
    assert watch.line(report(3.0, 9)).strip().startswith('0.0 s')


def test_nothing_is_said_of_other_nodes_or_before_it_runs():
    assert Watch('/front/mmseg').line(report(1.0)) == ''
    assert Watch().line(report(1.0, parts=())) == ''


def test_a_clock_that_has_not_begun_is_no_time():
    watch = Watch()
    assert watch.line(report(0.0)) == ''
    assert watch.line(report(1_700_000_000.0, 5)).strip().startswith('0.0 s')
