"""OpenVINO's hints, threads and requests, tried beside the work of the node.

One process publishes the simulated sensors at `--rate`; another receives and decodes them in a
thread, as the node does, and runs the network of all sensors in each of the ways, one after the
other. Printed per way: results per second, median time of one, CPU of that process per result.

Run: python test/benchmarks/bench_engine_hints.py [--rate 20] [--seconds 6] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ros.benchmark.machine import describe_machine, describe_software, now, steal_between
from mmseg_ros.benchmark.workload import simulated_frames
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.inference.bundle import load_bundle

BASE = {
    'PERFORMANCE_HINT': 'LATENCY',
    'INFERENCE_PRECISION_HINT': 'f32',
    'ENABLE_CPU_PINNING': False,
}
# way -> settings besides BASE, how many requests are under way at once
WAYS: dict[str, tuple[dict[str, Any], int]] = {
    'latency, all cores (the node)': ({}, 1),
    'the same, started and waited for': ({}, 0),
    'pinned threads': ({'ENABLE_CPU_PINNING': True}, 1),
    'one thread, a core left for intake': ({'INFERENCE_NUM_THREADS': 1}, 1),
    'throughput, two requests at once': ({'PERFORMANCE_HINT': 'THROUGHPUT', 'NUM_STREAMS': 2}, 2),
}
ROUNDS = 6
Row = dict[str, Any]


def receive() -> Callable[[], int]:
    """Receive and decode what is published in a thread; return what tells the count so far."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from mmseg_ros.core.modalities import SENSOR_TOPICS, kind_of
    from mmseg_ros.messages.sensor_decoder import SensorDecoder
    from mmseg_ros.ros.qos import output_qos
    from mmseg_ros.ros.tools.message_types import message_class_of

    rclpy.init()
    node = rclpy.create_node('bench_engine_hints')
    counts = {'taken': 0}

    def subscribe(topic: str, name: str, type_name: str) -> None:
        decoder = SensorDecoder(kind_of(name), lambda: (192, 320))

        def take(message: Any) -> None:
            decoder.payload(type_name, message)
            counts['taken'] += 1

        kind = message_class_of(type_name)
        node.create_subscription(kind, topic, take, output_qos(10))

    types = {'rgb': 'Image', 'depth': 'Image', 'lidar': 'PointCloud2', 'event': 'PointCloud2'}
    for name, kind in types.items():
        subscribe(SENSOR_TOPICS[name], name, f'sensor_msgs/msg/{kind}')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    return lambda: counts['taken']


def tried(bundle_name: str, seconds: float, pipe: Any) -> None:
    """Run every way in this process and send the rows."""
    import openvino

    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    taken = receive()
    manifest = load_bundle(bundle_name).manifest
    shape = (1, len(manifest.modalities), manifest.height, manifest.width, 3)
    feed = {
        'images': np.random.default_rng(0).integers(0, 256, shape, np.uint8),
        'available': np.ones(shape[:2], bool),
    }
    core = openvino.Core()
    model = core.read_model(load_bundle(bundle_name).path / 'model.onnx')
    compiled = {
        way: core.compile_model(model, 'CPU', {**BASE, **more}) for way, (more, _) in WAYS.items()
    }
    for network in compiled.values():
        network.create_infer_request().infer(feed)
    pipe.send('ready')
    rows: dict[str, Row] = {}
    for _ in range(ROUNDS):  # in turn, so that no way has only the good moments
        for way, network in compiled.items():
            before = taken()
            row = timed(network, feed, WAYS[way][1], seconds / ROUNDS)
            row['taken'] = taken() - before
            rows[way] = joined(rows[way], row) if way in rows else row
    pipe.send(rows)


def timed(network: Any, feed: Mapping[str, Any], at_once: int, seconds: float) -> Row:
    """Run one way for `seconds`."""
    requests = [network.create_infer_request() for _ in range(max(at_once, 1))]
    began_s, began_cpu_s, times_ms, i = time.perf_counter(), time.process_time(), [], 0
    started = [0.0] * len(requests)
    while time.perf_counter() - began_s < seconds:
        request, k = requests[i % len(requests)], i % len(requests)
        if at_once == 1:
            started[k] = time.perf_counter()
            request.infer(feed, share_inputs=True)
            times_ms.append(1000 * (time.perf_counter() - started[k]))
        else:
            if i >= len(requests):  # the oldest one
                request.wait()
                times_ms.append(1000 * (time.perf_counter() - started[k]))
            started[k] = time.perf_counter()
            request.start_async(feed, share_inputs=True)
            if at_once == 0:
                request.wait()
        i += 1
    for request in requests:
        request.wait()
    spent_s = time.perf_counter() - began_s
    return {
        'seconds': spent_s,
        'results': i,
        'cpu_s': time.process_time() - began_cpu_s,
        'times_ms': times_ms,
    }


def joined(one: Row, other: Row) -> Row:
    """Return both runs of a way as one."""
    return {name: one[name] + other[name] for name in one}


def shown(row: Row) -> Row:
    """Return what is printed and written of a way."""
    return {
        'results_hz': round(row['results'] / row['seconds'], 2),
        'p50_ms': round(float(np.median(row['times_ms'])), 1),
        'p95_ms': round(float(np.percentile(row['times_ms'], 95)), 1),
        'cpu_ms': round(1000 * row['cpu_s'] / row['results'], 1),
        'messages_hz': round(row['taken'] / row['seconds'], 1),
    }


def run(bundle: str, rate_hz: float, seconds: float) -> dict[str, Any]:
    """Publish, let the other process run, return the report."""
    os.environ.update(
        ROS_DOMAIN_ID=str(101 + os.getpid() % 100), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST'
    )
    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    from mmseg_ros.benchmark.live_node import sensor_messages
    from mmseg_ros.ros.tools.rate_probe import RateProbe

    machine = describe_machine()
    drive, frames = simulated_frames(3)
    context = multiprocessing.get_context('spawn')
    here, there = context.Pipe()
    process = context.Process(target=tried, args=(bundle, seconds, there), daemon=True)
    process.start()
    before = Path('/proc/stat').read_text()
    with RateProbe([sensor_messages(drive, frame) for frame in frames]) as probe:
        if here.recv() != 'ready':
            raise SystemExit('The process with the network did not come up.')
        while not here.poll():
            probe.run(rate_hz, 1.0)
        rows = here.recv()
    process.join()
    return {
        'created': now(),
        'machine': machine,
        'software': describe_software(),
        'bundle': bundle,
        'frames_hz': rate_hz,
        'steal': steal_between(before, Path('/proc/stat').read_text()),
        'rows': {way: shown(row) for way, row in rows.items()},
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bundle', default='stitchfusion-lite0-sim')
    parser.add_argument('--rate', type=float, default=20.0, help='frames per second')
    parser.add_argument('--seconds', type=float, default=6.0, help='of each way')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    report = run(arguments.bundle, arguments.rate, arguments.seconds)
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    sys.stdout.write('| way | results/s | p50 ms | p95 ms | CPU ms | messages/s |\n')
    sys.stdout.write('|---|---|---|---|---|---|\n')
    for way, row in report['rows'].items():
        sys.stdout.write(f'| {way} | {" | ".join(str(value) for value in row.values())} |\n')


if __name__ == '__main__':
    main()
