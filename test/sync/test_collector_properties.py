"""What holds for every stream of samples, however it comes."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import CloseReason, ImageData, SensorSample
from mmseg_ros.sync import Collector, HealthState, OfflineCollector

MS = 1_000_000
S = 1_000_000_000
START_NS = 500 * S
NAMES = ('rgb', 'lidar', 'depth', 'thermal')
CALM = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def sample(name, stamp_ns):
    return SensorSample(name, stamp_ns, name, ImageData(None))


def collector(names, windows_ms, hold_s=0.0, **sync):
    sensors = {
        name: SensorConfig(window_s=window_ms / 1e3, hold_s=hold_s)
        for name, window_ms in zip(names, windows_ms, strict=True)
    }
    return Collector(names, SyncConfig(content_checks=False, **sync), sensors)


@st.composite
def wild_streams(draw):
    """Sensors of any rate with jitter, delays, drops, doubles and disorder, but no clock jump."""
    names = NAMES[: draw(st.integers(1, 4))]
    windows_ms = [draw(st.integers(5, 150)) for _ in names]
    arrivals = []
    for name in names:
        period_ms = draw(st.sampled_from([5, 20, 33, 100, 250]))
        for index in range(draw(st.integers(0, 25))):
            stamp_ms = index * period_ms + draw(st.integers(-20, 20))
            for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2]))):
                delay_ms = draw(st.sampled_from([0, 0, 1, 10, 40, 90, 180, 400]))
                stamp_ns = START_NS + stamp_ms * MS
                arrivals.append((stamp_ns + delay_ms * MS, sample(name, stamp_ns)))
    return names, windows_ms, sorted(arrivals, key=lambda item: item[0])


@CALM
@given(stream=wild_streams(), deadline_ms=st.integers(0, 200), limit=st.integers(2, 64))
def test_every_set_keeps_the_law(bench, stream, deadline_ms, limit):
    names, windows_ms, arrivals = stream
    unit = collector(names, windows_ms, deadline_s=deadline_ms / 1e3, max_buffered=limit)
    window_ns = {name: ms * MS for name, ms in zip(names, windows_ms, strict=True)}
    outputs = bench.drive(unit, [bench.arrival(*item) for item in arrivals]) if arrivals else []
    frames = [output.frame for output in outputs] + unit.flush()
    used = [id(item) for frame in frames for item in frame.samples.values()]
    assert len(used) == len(set(used))
    assert all(before.stamp_ns < after.stamp_ns for before, after in pairwise(frames))
    for frame in frames:
        assert frame.samples[frame.reference].stamp_ns == frame.stamp_ns
        for name, item in frame.samples.items():
            assert item.modality == name
            assert abs(item.stamp_ns - frame.stamp_ns) <= window_ns[name]
    buffered = sum(len(track.buffer) for track in unit._tracks.values())
    assert buffered <= limit * len(names)


def longest_gap(arrived):
    """Return the longest time between neighbors, at any moment of the arrivals."""
    seen = [sorted(arrived[: count + 1]) for count in range(len(arrived))]
    return max((b - a for stamps in seen for a, b in pairwise(stamps)), default=0)


@CALM
@given(
    stream=wild_streams(),
    hold_s=st.sampled_from([-1.0, 0.05, 0.2, 1.0]),
    deadline_ms=st.integers(0, 200),
)
def test_a_sample_is_held_only_while_it_is_young_and_the_last(bench, stream, hold_s, deadline_ms):
    names, windows_ms, arrivals = stream
    unit = collector(names, windows_ms, hold_s, deadline_s=deadline_ms / 1e3)
    window_ns = {name: ms * MS for name, ms in zip(names, windows_ms, strict=True)}
    outputs = bench.drive(unit, [bench.arrival(*item) for item in arrivals]) if arrivals else []
    frames = [output.frame for output in outputs] + unit.flush()
    last = {}
    held = dict.fromkeys(names, 0)
    longest_ns = dict.fromkeys(names, round(hold_s * S))
    if hold_s < 0:  # one period, which drops and late samples make longer
        stamps = {n: [i.stamp_ns for _, i in arrivals if i.modality == n] for n in names}
        longest_ns = {n: round(1.1 * longest_gap(s)) for n, s in stamps.items()}
    for frame in frames:
        for name, item in frame.samples.items():
            age_ns = frame.stamp_ns - item.stamp_ns
            if item is last.get(name):
                held[name] += 1
                assert name != frame.reference
                assert 0 <= age_ns <= longest_ns[name]
                assert hold_s > 0 or name in ('lidar', 'depth')
            else:
                assert abs(age_ns) <= window_ns[name]
                last[name] = item
    counters = unit.counters.sensors
    assert {name: counters[name].held for name in names} == held


@CALM
@given(stream=wild_streams())
def test_a_replay_gives_the_same_sets_every_time(stream):
    names, windows_ms, arrivals = stream

    def replay():
        sensors = {
            name: SensorConfig(window_s=window_ms / 1e3)
            for name, window_ms in zip(names, windows_ms, strict=True)
        }
        unit = OfflineCollector(names, SyncConfig(content_checks=False), sensors)
        frames = [frame for _, item in arrivals for frame in unit.add(item)] + unit.flush()
        return [(f.stamp_ns, tuple(map(id, f.samples.values())), f.reason) for f in frames]

    first = replay()
    assert first == replay()
    assert [stamp_ns for stamp_ns, _, _ in first] == sorted({stamp_ns for stamp_ns, _, _ in first})


@st.composite
def healthy_streams(draw, share=1):
    """Sensors of one rate: phases within the window, little jitter, delays below the deadline.

    Phases to rgb are within the window divided by `share`: with 2, any sensor can be a reference.
    """
    names = NAMES[: draw(st.integers(2, 4))]
    period_ms = draw(st.sampled_from([20, 50, 100, 200]))
    window_ms = draw(st.integers(max(4, period_ms // 10), period_ms // 2))
    jitter_ms = max(1, period_ms // 25)
    arrivals = []
    for name in names:
        reach_ms = 0 if name == 'rgb' else max(0, window_ms - 2 * jitter_ms) // share
        phase_ms = draw(st.integers(-reach_ms, reach_ms))
        delay_ms = draw(st.integers(0, 60))
        for index in range(20):
            shake_ms = draw(st.integers(-jitter_ms, jitter_ms))
            stamp_ns = START_NS + (index * period_ms + phase_ms + shake_ms) * MS
            delay_ns = (delay_ms + draw(st.integers(0, 10))) * MS
            arrivals.append((stamp_ns + delay_ns, sample(name, stamp_ns)))
    return names, period_ms, window_ms, sorted(arrivals, key=lambda item: item[0])


@settings(CALM, max_examples=80)
@given(stream=healthy_streams())
def test_healthy_sensors_always_make_complete_sets(bench, stream):
    names, _, window_ms, arrivals = stream
    unit = collector(names, [window_ms] * len(names), deadline_s=0.2)
    outputs = bench.drive(unit, [bench.arrival(*item) for item in arrivals])
    frames = [output.frame for output in outputs] + unit.flush()
    rgb = [item.stamp_ns for _, item in arrivals if item.modality == 'rgb']
    assert sorted(rgb) == [frame.stamp_ns for frame in frames]
    assert all(frame.available.all() for frame in frames)
    assert all(frame.reason is CloseReason.COMPLETE for frame in frames[:-1])


@st.composite
def flaky_streams(draw):
    """Like healthy streams, but single samples are missing; each sample comes with its index."""
    names = NAMES[: draw(st.integers(2, 4))]
    period_ms = draw(st.sampled_from([40, 100, 200]))
    window_ms = period_ms // 2
    arrivals = []
    for name in names:
        phase_ms = draw(st.integers(-window_ms // 3, window_ms // 3))
        delay_ms = draw(st.integers(0, 60))
        dropped = draw(st.sets(st.integers(3, 24), max_size=6))
        for index in range(26):
            if index in dropped and index - 1 not in dropped:
                continue
            stamp_ns = START_NS + (index * period_ms + phase_ms) * MS
            arrivals.append((stamp_ns + delay_ms * MS, sample(name, stamp_ns), index))
    return names, window_ms, sorted(arrivals, key=lambda item: item[0])


@settings(CALM, max_examples=80)
@given(stream=flaky_streams())
def test_single_drops_cost_only_the_dropped_samples(bench, stream):
    names, window_ms, arrivals = stream
    deadline_ns = 150 * MS
    unit = collector(names, [window_ms] * len(names), deadline_s=deadline_ns / S)
    outputs = bench.drive(unit, [bench.arrival(now, item) for now, item, _ in arrivals])
    index_of = {id(item): index for _, item, index in arrivals}
    arrived = {id(item): now for now, item, _ in arrivals}
    made = []
    for output in outputs:
        members = output.frame.samples.values()
        indices = {index_of[id(item)] for item in members}
        assert len(indices) == 1
        made.append((indices.pop(), tuple(output.frame.samples)))
        assert output.now_ns <= min(arrived[id(item)] for item in members) + deadline_ns
    wanted = {}
    for name in names:
        for _, item, index in arrivals:
            if item.modality == name:
                wanted.setdefault(index, []).append(name)
    assert [index for index, _ in made] == sorted({index for index, _ in made})
    assert all(members == tuple(wanted[index]) for index, members in made if index < 24)
    named_by_rgb = {index for index, members in wanted.items() if 'rgb' in members and index < 24}
    assert named_by_rgb <= {index for index, _ in made}


@CALM
@given(stream=healthy_streams(share=2), lost=st.data(), gap_s=st.floats(1.0, 3.0))
def test_a_lost_sensor_adds_nothing_and_is_back_in_three_frames(bench, stream, lost, gap_s):
    names, period_ms, window_ms, first = stream
    faulty = lost.draw(st.sampled_from(names))
    unit = collector(names, [window_ms] * len(names), deadline_s=0.2)
    block_ns = 20 * period_ms * MS
    blocks_lost = round(gap_s * S / block_ns) + 1
    back_ns = (blocks_lost + 1) * block_ns
    gap = [
        (now + block * block_ns, sample(item.modality, item.stamp_ns + block * block_ns))
        for block in range(1, blocks_lost + 1)
        for now, item in first
        if item.modality != faulty
    ]
    back = [(now + back_ns, sample(item.modality, item.stamp_ns + back_ns)) for now, item in first]
    arrivals = sorted(first + gap + back, key=lambda item: item[0])
    arrived = {id(item): now for now, item in arrivals}
    outputs = bench.drive(unit, [bench.arrival(*item) for item in arrivals])
    assert unit.health.sensors[faulty].state is HealthState.OK
    lost_from_ns = START_NS + block_ns + 1 * S
    returned_ns = min(item.stamp_ns for _, item in back if item.modality == faulty)
    during = [
        output
        for output in outputs
        if lost_from_ns < output.frame.stamp_ns < returned_ns - 2 * period_ms * MS
    ]
    for output in during:
        assert faulty not in output.frame.samples
        assert output.now_ns == max(arrived[id(i)] for i in output.frame.samples.values())
    heard_ns = min(now for now, item in back if item.modality == faulty)
    after = [
        output.frame
        for output in outputs
        if heard_ns + 3 * period_ms * MS
        <= output.frame.stamp_ns
        <= returned_ns + 15 * period_ms * MS
    ]
    assert after
    assert all(frame.available.all() for frame in after)
