"""Speed and memory of evaluation: `python test/benchmarks/bench_evaluation.py BAG [--json FILE]`.

Three ratios and one growth, each from one run on one machine:
* reading and decoding every sensor message, against rosbags' own reader and deserializer;
* frames per second of `evaluate`, against the pipeline alone on the same frames, by the clock (the
  network runs while the frame before is scored, so a second core counts) and by CPU seconds;
* peak memory of an evaluation, of the recording and of the recording ten times as long.
Other times are CPU seconds of this process, so that other load of the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from mmseg_ros.bag import replay
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.message_faults import shifted
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.core.types import EVENT
from mmseg_ros.evaluation.bags import evaluate_with
from mmseg_ros.evaluation.network import loaded_network
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.replayed import replayed
from mmseg_ros.inference.bundle import load_bundle

TIMES_AS_LONG = 10


@dataclass
class Measured:
    """Name of a figure, its value and its limit."""

    name: str
    value: float
    limit: str
    detail: dict[str, float] = field(default_factory=dict)


def cpu_s(run: Callable[[], object], repeats: int) -> float:
    """Return the least CPU seconds of some runs."""
    times = []
    for _ in range(repeats):
        began_s = time.process_time()
        run()
        times.append(time.process_time() - began_s)
    return min(times)


def reading(bag: Path, repeats: int) -> Measured:
    """Compare our stream of samples with what rosbags takes for the same messages."""

    def ours() -> None:
        with BagReader(bag) as reader:
            topics = replay.sensor_topics(reader)
            camera = rig_from_bag(reader, topics).cameras.get(EVENT)
            size = (camera.height, camera.width) if camera else (0, 0)
            for _ in replay.samples(reader, topics, size):
                pass

    def theirs() -> None:
        with BagReader(bag) as reader:
            topics = set(replay.sensor_topics(reader).values())
        with AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            wanted = [c for c in reader.connections if c.topic in topics]
            for connection, _, data in reader.messages(connections=wanted):
                reader.deserialize(data, connection.msgtype)

    ours(), theirs()
    a, b = cpu_s(ours, repeats), cpu_s(theirs, repeats)
    return Measured(
        'reading and decoding / rosbags', a / b, '<= 1.3', {'ours_s': a, 'rosbags_s': b}
    )


def both_s(run: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock and CPU seconds of one run."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began_s, time.process_time() - began_cpu_s


def against_pipeline(bag: Path, bundle: str, every: int, threads: int) -> Measured:
    """Compare an evaluation with the pipeline alone on the same frames, read beforehand."""
    loaded = load_bundle(bundle)
    options = EvaluationOptions('none', every=every)
    with loaded_network(loaded, ModelConfig(threads=threads)) as backend:
        with replayed(backend, bag, loaded, options) as opened:
            frames = [frame_set for _, frame_set in opened.run.frames()]
            opened.pipeline.process(frames[0])
            alone = both_s(lambda: [opened.pipeline.process(item) for item in frames])
        whole = both_s(lambda: evaluate_with(backend, bag, loaded, options))
    detail = {
        'frames': len(frames),
        'pipeline_s': alone[0],
        'evaluate_s': whole[0],
        'pipeline_cpu_s': alone[1],
        'evaluate_cpu_s': whole[1],
        'cpu_ratio': alone[1] / whole[1],
    }
    return Measured('speed of evaluate / pipeline alone', alone[0] / whole[0], '>= 0.9', detail)


def repeated(bag: Path, out: Path, seconds: float, times: int) -> Path:
    """Write the first seconds of a recording several times in a row; return the new bag."""
    with BagReader(bag) as reader, BagWriter(out) as writer:
        span_ns = round(seconds * 1e9)
        for k in range(times):
            for item in reader.raw(stop_ns=reader.start_ns + span_ns):
                if k and item.topic == '/tf_static':
                    continue
                message = shifted(reader.deserialize(item), k * span_ns)
                writer.write(item.topic, item.type_name, item.stamp_ns + k * span_ns, message)
    return out


def peak_mib(bag: Path, bundle: str, every: int) -> float:
    """Return the peak memory of an evaluation in its own process."""
    code = (
        'import resource, sys\n'
        'from mmseg_ros.cli import main\n'
        'main(sys.argv[1:])\n'
        'print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n'
    )
    with tempfile.TemporaryDirectory() as folder:
        words = ['evaluate', str(bag), '--bundle', bundle, '--subsets', 'none', '--threads', '1']
        words += ['--every', str(every), '--output', folder]
        done = subprocess.run(
            [sys.executable, '-c', code, *words], check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


def memory(bag: Path, bundle: str, every: int, seconds: float, folder: Path) -> Measured:
    """Compare peak memory of a recording and of one ten times as long."""
    # Both have seams: there the events pause, and the network's graph without them is compiled.
    short = repeated(bag, folder / 'short', seconds / 2, 2)
    long = repeated(bag, folder / 'long', seconds / 2, 2 * TIMES_AS_LONG)
    short_mib, long_mib = peak_mib(short, bundle, every), peak_mib(long, bundle, every)
    detail = {'short_s': seconds, 'short_mib': short_mib, 'long_mib': long_mib}
    return Measured(
        f'peak memory, {TIMES_AS_LONG}x longer', long_mib / short_mib, '<= 1.05', detail
    )


def measured(args: argparse.Namespace) -> Iterator[Measured]:
    """Yield the figures as they come."""
    yield reading(args.bag, args.repeats)
    yield against_pipeline(args.bag, args.bundle, args.every, args.threads)
    if args.memory_seconds:
        with tempfile.TemporaryDirectory(dir=args.scratch) as name:
            folder = Path(name)
            yield memory(args.bag, args.bundle, args.every, args.memory_seconds, folder)


def main() -> int:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('bag', type=Path)
    parser.add_argument('--bundle', default='stitchfusion-lite0-sim')
    parser.add_argument('--every', type=int, default=1, help='score every n-th frame')
    parser.add_argument('--threads', type=int, default=1, help='of the engine; 0 is automatic')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument(
        '--memory-seconds', type=float, default=0.0,
        help='also the peak memory, of so many seconds and of ten times as many',
    )  # fmt: skip
    parser.add_argument('--scratch', type=Path, default=None, help='folder of the longer bag')
    parser.add_argument('--json', type=Path, default=None)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(f'{"figure":38} {"value":>7}  limit')
    for item in measured(args):
        print(f'{item.name:38} {item.value:7.3f}  {item.limit}  {item.detail}', flush=True)
        rows.append(vars(item))
    load = os.getloadavg()[0]
    machine = {'cpu': platform.processor() or platform.machine(), 'cores': os.cpu_count()}
    date = time.strftime('%Y-%m-%d')
    content = {'date': date, 'machine': machine, 'load': load, 'bundle': args.bundle, 'rows': rows}
    print(json.dumps({k: content[k] for k in ('date', 'machine', 'load')}))
    if args.json is not None:
        args.json.write_text(json.dumps(content, indent=2) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
