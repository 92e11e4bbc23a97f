"""What fusion costs beside its arithmetic: time per GFLOP, peak memory, growth with the image.

Run: python test/benchmarks/bench_models.py [--encoders mit_b0 mit_b2] [--repetitions 5]

Each case runs in its own process with one thread. CPU time is measured, not wall time, and the
smallest of several repetitions counts; the plain SegFormer (one modality, no adapters) of the
same encoder takes turns with the case, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmseg_models import create_model

NAMES = ('rgb', 'depth', 'event', 'lidar')
PLAIN: dict[str, Any] = {'adapter': 'none', 'modalities': NAMES[:1]}
LIMIT = 1.15


@dataclass(frozen=True)
class Case:
    """One model at one input size."""

    model: str
    encoder: str
    modalities: int
    adapter: str
    pixels: int

    def options(self) -> dict[str, Any]:
        """Return the options of `create_model`."""
        options = {'encoder': self.encoder, 'modalities': NAMES[: self.modalities]}
        return options | ({'adapter': self.adapter} if self.adapter else {})


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes:
        giga_flops: Twice the multiply-adds of convolutions and matrix products.
        seconds: CPU time of one forward. memory_mb: Growth of the process in the first forward.
        ratio: Time per GFLOP divided by that of the plain SegFormer.
    """

    giga_flops: float
    seconds: float
    memory_mb: float
    ratio: float


def giga_flops(model: str, options: dict[str, Any], pixels: int) -> float:
    """Count one forward, batch 1, without computing it."""
    with torch.device('meta'):
        network = create_model(model, **options).eval()
        images = torch.zeros(1, len(options['modalities']), 3, pixels, pixels)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    return counter.get_total_flops() / 1e9


def cpu_seconds(run: Callable[[Tensor], Tensor], images: Tensor) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    run(images)
    return time.process_time() - start


def measure(case: Case, repetitions: int) -> Result:
    """Measure one case beside the plain SegFormer; call in its own process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plain_options = {'encoder': case.encoder, **PLAIN}
    network = create_model(case.model, **case.options()).eval()
    plain = create_model('stitchfusion', **plain_options).eval()
    images = torch.randn(1, case.modalities, 3, case.pixels, case.pixels)
    with torch.inference_mode():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        network(images)
        memory_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        plain(images[:, :1])
        times = [
            (cpu_seconds(network, images), cpu_seconds(plain, images[:, :1]))
            for _ in range(repetitions)
        ]
    seconds, plain_seconds = (min(column) for column in zip(*times, strict=True))
    flops = giga_flops(case.model, case.options(), case.pixels)
    plain_flops = giga_flops('stitchfusion', plain_options, case.pixels)
    ratio = (seconds / flops) / (plain_seconds / plain_flops)
    return Result(flops, seconds, memory_mb, ratio)


def cases(encoders: list[str]) -> list[Case]:
    """Return all cases of the table."""
    found = []
    for encoder in encoders:
        found.append(Case('stitchfusion', encoder, 1, 'none', 512))
        for count in (2, 3, 4):
            found.append(Case('stitchfusion', encoder, count, 'bidirectional', 512))
        found.append(Case('stitchfusion', encoder, 4, 'shared', 512))
        found.extend(Case('geminifusion', encoder, count, '', 512) for count in (2, 3, 4))
    found.extend(Case('geminifusion', encoders[0], 2, '', size) for size in (256, 1024))
    return found


def main() -> int:
    """Measure, print a Markdown table; return 1 if a case costs more than its arithmetic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--encoders', nargs='+', default=['mit_b0', 'mit_b2'])
    parser.add_argument('--repetitions', type=int, default=5)
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    context = multiprocessing.get_context('spawn')
    rows = []
    print('| model | encoder | M | adapter | pixels | GFLOP | CPU s | ms/GFLOP | ratio | MB |')
    print('|---|---|---|---|---|---|---|---|---|---|')
    for case in cases(arguments.encoders):
        with context.Pool(1) as pool:
            result = pool.apply(measure, (case, arguments.repetitions))
        rows.append({**asdict(case), **asdict(result)})
        print(
            f'| {case.model} | {case.encoder} | {case.modalities} | {case.adapter} '
            f'| {case.pixels}² | {result.giga_flops:.2f} | {result.seconds:.2f} '
            f'| {1e3 * result.seconds / result.giga_flops:.1f} | {result.ratio:.2f} '
            f'| {result.memory_mb:.0f} |',
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + '\n')
    # Growth with the image is not fusion's cost: only one size is held against the limit.
    return int(any(row['ratio'] > LIMIT for row in rows if row['pixels'] == 512))


if __name__ == '__main__':
    raise SystemExit(main())
