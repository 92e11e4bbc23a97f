"""After the clocks of sensors jumped, frames come back at once, whatever jumped and when."""

import random
from itertools import pairwise

import pytest

from mmseg_ros.core.types import CloseReason
from mmseg_ros.sync.selection import FrameSelector

S = 1_000_000_000
LONGEST_SILENCE_S = 0.5
JUMP_AT_S = 2.0
# The jump falls between different samples of the sensors, which decides who is first to jump.
PHASES_S = [step * 0.027 for step in range(5)]


def jumped(bench, jumps, modalities, duration_s=6.0, lost=''):
    """A stream whose sensors change their stamps: sensor -> seconds, from when on."""
    arrivals = []
    for arrival in bench.stream(duration_s, modalities):
        name = arrival.sample.modality
        shift_s, from_s = jumps.get(name, (0.0, 0.0))
        elapsed_s = (arrival.sample.stamp_ns - bench.start_ns) / S
        if elapsed_s >= from_s:
            if name == lost:
                continue
            arrival = bench.move(arrival, stamp_s=shift_s)
        arrivals.append(arrival)
    return arrivals


def longest_silence_s(outputs, end_ns, selector_age_s=0.5):
    """Return the longest pause between frames that a worker gets from the selector."""
    selector = FrameSelector(round(selector_age_s * S))
    times = []
    for output in outputs:
        selector.add(output.frame)
        if selector.choose() is not None:
            times.append(output.now_ns)
    times.append(end_ns)
    return max(after - before for before, after in pairwise(times)) / S


@pytest.mark.parametrize('shift_s', [-20.0, 30.0, -1.5, 2.0, -900.0])
@pytest.mark.parametrize('names', [('rgb',), ('rgb', 'lidar'), ('rgb', 'depth', 'event', 'lidar')])
def test_all_sensors_jump_at_once(bench, names, shift_s):
    for phase_s in PHASES_S:
        at_s = JUMP_AT_S + phase_s
        arrivals = jumped(bench, dict.fromkeys(names, (shift_s, at_s)), names)
        outputs = bench.drive(bench.collector(names), arrivals)
        assert longest_silence_s(outputs, arrivals[-1].now_ns) <= LONGEST_SILENCE_S, (
            phase_s,
            at_s,
        )
        last = outputs[-2].frame
        assert len(last.samples) == len(names)
        assert last.stamp_ns > bench.start_ns + (5 + shift_s) * S


@pytest.mark.parametrize('shift_s', [-20.0, 30.0])
@pytest.mark.parametrize('order', ['rgb first', 'rgb last', 'event first', 'lidar lost'])
@pytest.mark.parametrize('limit_s', [1.0, 1e6])
def test_sensors_jump_one_after_the_other(bench, shift_s, order, limit_s):
    kind, when = order.split()
    names = bench.modalities
    spread_s = {'first': -0.3, 'last': 0.3, 'lost': 0.0}[when]
    for phase_s in PHASES_S:
        at_s = JUMP_AT_S + phase_s
        jumps = {
            name: (shift_s, at_s + 0.07 * index + (spread_s if name == kind else 0.0))
            for index, name in enumerate(names)
        }
        lost = kind if when == 'lost' else ''
        arrivals = jumped(bench, jumps, names, lost=lost)
        outputs = bench.drive(bench.collector(names, offset_limit_s=limit_s), arrivals)
        assert longest_silence_s(outputs, arrivals[-1].now_ns) <= 1.0, phase_s
        assert len(outputs[-2].frame.samples) == len(names) - bool(lost)


@pytest.mark.parametrize('back_s', [-20.0, 20.0])
def test_the_only_sensors_left_have_another_clock(bench, back_s):
    names = bench.modalities
    arrivals = [
        bench.move(arrival, stamp_s=back_s) if arrival.sample.modality == 'lidar' else arrival
        for arrival in bench.stream(6.0, names)
        if arrival.sample.modality == 'lidar'
        or arrival.sample.stamp_ns < bench.start_ns + JUMP_AT_S * S
    ]
    outputs = bench.drive(bench.collector(names), arrivals)
    assert longest_silence_s(outputs, arrivals[-1].now_ns) <= 1.0
    assert outputs[-1].frame.reference == 'lidar'


def test_frames_of_the_time_before_are_closed_first(bench):
    names = bench.modalities
    arrivals = jumped(bench, dict.fromkeys(names, (-20.0, JUMP_AT_S)), names)
    outputs = bench.drive(bench.collector(names), arrivals)
    stamps = [output.frame.stamp_ns for output in outputs]
    steps_back = [index for index, (a, b) in enumerate(pairwise(stamps)) if b < a]
    assert len(steps_back) == 1
    assert all(o.frame.reason is not CloseReason.FLUSH for o in outputs)


@pytest.mark.parametrize('seed', range(24))
def test_all_jump_back_while_samples_come_irregularly(bench, seed):
    rng = random.Random(seed)
    names = bench.modalities
    jumps = dict.fromkeys(names, (-20.0, JUMP_AT_S + rng.random()))
    last_ns = dict.fromkeys(names, 0)
    arrivals = []
    for arrival in jumped(bench, jumps, names):
        name = arrival.sample.modality
        if rng.random() < (0.05 if name == 'event' else 0.2):
            continue
        now_ns = bench.move(arrival, delay_s=rng.uniform(0, 0.05)).now_ns
        last_ns[name] = max(now_ns, last_ns[name] + 1)
        arrivals.append(bench.arrival(last_ns[name], arrival.sample))
    outputs = bench.drive(bench.collector(names), arrivals)
    end_ns = max(arrival.now_ns for arrival in arrivals)
    assert longest_silence_s(outputs, end_ns) <= 1.0
