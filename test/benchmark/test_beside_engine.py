"""The node over the engine, and what a frame costs by stage."""

import math
from contextlib import nullcontext
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.benchmark.bare_engine import BareEngine, Throughput
from mmseg_ros.benchmark.beside_engine import TURNS, Load, by_turns, compared, node_under_load
from mmseg_ros.benchmark.frame_path import row_of
from mmseg_ros.benchmark.real_size import POINTS, many_events, real_size
from mmseg_ros.benchmark.table import text_of
from mmseg_ros.benchmark.workload import simulated_frames


def test_rates_and_cpu_times_are_compared_per_result():
    engine = Throughput(100, 10.0, 15.0) + Throughput(60, 10.0, 9.0)
    row = compared(Throughput(38, 5.0, 6.27), engine)
    assert (row['received_hz'], row['engine_hz'], row['results_over_engine']) == (7.6, 8.0, 0.95)
    assert (row['cpu_ms_per_result'], row['engine_cpu_ms_per_result']) == (165.0, 150.0)
    assert row['cpu_over_engine'] == 1.1


def test_a_node_without_results_has_no_time_per_result():
    row = compared(Throughput(0, 5.0, 1.0), Throughput(10, 1.0, 1.0))
    assert row['results_over_engine'] == 0.0
    assert math.isnan(row['cpu_over_engine'])


def test_a_node_is_measured_from_its_first_label_to_its_last():
    cpu_s = iter((3.0, 4.5))
    node = SimpleNamespace(usage=lambda: SimpleNamespace(cpu_s=next(cpu_s)))
    asked = []

    def run(*given):
        asked.append(given)
        return SimpleNamespace(latencies_ms=[1.0] * 30, received_hz=10.0)

    found = node_under_load(node, SimpleNamespace(run=run), Load(12.0, 3.0, ('/lidar/points',)))
    assert asked == [(12.0, 3.0, ('/lidar/points',))]
    assert (found.results, found.rate_hz, found.cpu_ms) == (30, 10.0, 50.0)


def test_node_and_engine_take_turns_and_the_engine_runs_where_no_node_is():
    asked = []

    def probe_of(name):
        def run(rate_hz, seconds, off, is_answered=True):
            asked.append((name, rate_hz, seconds, is_answered))
            return SimpleNamespace(latencies_ms=[1.0] * 5, received_hz=10.0)

        return SimpleNamespace(run=run, receiving=nullcontext)

    cpu_s = count(1.0, 0.25)
    node = SimpleNamespace(usage=lambda: SimpleNamespace(cpu_s=next(cpu_s)))
    made = SimpleNamespace(result=lambda: Throughput(8, 0.5, 0.4))
    engine = SimpleNamespace(run=lambda seconds: made)
    load = Load(12.0, 3.0, ())
    fed, alone = by_turns(node, probe_of('node'), engine, probe_of('elsewhere'), load)
    seconds = 3.0 / TURNS
    turn = [('elsewhere', 12.0, seconds, False), ('node', 12.0, seconds, True)]
    assert asked == turn * TURNS
    assert (fed.results, fed.rate_hz, fed.cpu_ms) == (5 * TURNS, 10.0, 50.0)
    assert (alone.results, alone.rate_hz, alone.cpu_ms) == (8 * TURNS, 16.0, 50.0)


def test_the_bare_engine_runs_in_its_own_process(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    with BareEngine(str(bundle.path), 'onnxruntime', 1, ('rgb',)) as engine:
        found = engine.run(0.2).result()
    assert found.results >= 1
    assert found.seconds >= 0.2
    assert 0 < found.cpu_s < 30


def test_shares_are_of_the_whole_frame():
    row = row_of({'decode': 1.0, 'align': 2.0, 'infer': 7.0})
    assert row['p50_ms'] == 10.0
    assert row['overhead_cpu_ms'] == 3.0
    assert row['shares'] == {'decode': 0.1, 'align': 0.2, 'infer': 0.7}


def test_the_table_shows_shares_and_the_comparison():
    machine = {'cpu': 'x', 'cores': 2, 'features': [], 'memory_gb': 1, 'load_1min': 0.5}
    report = {
        'machine': machine,
        'bundle': {'name': 'tiny', 'input': '64x32', 'precision': 'fp32'},
        'created': 'now',
        'software': {},
        'rows': [
            {'what': 'path', 'backend': 'x', 'subset': 'rgb', **row_of({'a': 1.0, 'infer': 3.0})},
            {
                'what': 'node',
                'backend': 'x',
                'subset': 'rgb',
                **compared(Throughput(9, 1.0, 1.1), Throughput(10, 1.0, 1.0)),
            },
        ],
    }
    text = text_of(report)
    assert 'a 1.0 (25%), infer 3.0 (75%)' in text
    assert '0.90 of the results per second and 1.22 of the CPU time per result' in text


@pytest.mark.slow
def test_real_sizes_keep_what_the_sensors_saw():
    drive, (frame,) = simulated_frames(1)
    samples, rig = real_size(frame.samples, drive.rig)
    assert samples['rgb'].payload.pixels.shape == (720, 1280, 3)
    assert samples['depth'].payload.depth_m.shape == (720, 1280)
    assert (rig.camera('rgb').height, rig.camera('depth').width) == (720, 1280)
    points, before = samples['lidar'].payload.points, frame.samples['lidar'].payload.points
    assert len(points) == POINTS
    for name in 'xyz':
        assert np.nanmedian(points[name]) == pytest.approx(np.nanmedian(before[name]), abs=0.2)


def test_many_events_are_in_order_and_on_the_sensor():
    events = many_events(10**9, 5000, 10**7)
    assert len(events.x) == 5000
    assert (np.diff(events.stamp_ns) >= 0).all()
    assert events.stamp_ns[0] >= 10**9
    assert events.stamp_ns[-1] < 10**9 + 10**7
    assert events.x.max() < events.width
    assert events.y.max() < events.height
