"""What MLE-SAM's experts cost: time beside the plain encoder, share per sensor, training memory.

Run: python test/benchmarks/bench_mle_sam.py [time] [memory] [--encoder hiera_tiny] [--pixels 512]

One thread. Variants take turns, CPU time is measured, and the smallest of several repetitions
counts. Training memory is what the forward pass keeps for the backward pass, weights left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmseg_models import create_model
from mmseg_models.mle_sam import MleSam
from mmseg_models.mle_sam.merging import merge_experts
from mmseg_models.presence import Presence

NAMES = ('rgb', 'depth', 'event', 'lidar')
LIMIT = 1.10
BATCH = 2


def build(encoder: str, **options: Any) -> MleSam:
    """Return a model whose experts are not zero."""
    torch.manual_seed(0)
    model = create_model('mle_sam', encoder=encoder, modalities=NAMES, **options)
    for name, parameter in model.named_parameters():
        if name.endswith('up_MRC'):
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def cpu_seconds(run: Callable[[], Any]) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def in_turns(runs: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, float]:
    """Return the smallest CPU time of each."""
    for run in runs.values():
        run()
    rounds = [{name: cpu_seconds(run) for name, run in runs.items()} for _ in range(repetitions)]
    return {name: min(row[name] for row in rounds) for name in runs}


@torch.inference_mode()
def report_time(encoder: str, pixels: int, repetitions: int) -> bool:
    """Print times of the image encoder; return whether experts cost no more than allowed."""
    lora = build(encoder).eval()
    plain, merged = build(encoder, rank=0).eval(), merge_experts(lora)
    x = torch.randn(len(NAMES), 3, pixels, pixels)
    runs: dict[str, Callable[[], Any]] = {
        'plain, batch of 4': lambda: plain.encoder(x, Presence((0,), 1)),
        'experts, 4 sensors': lambda: lora.encoder(x, Presence((0, 1, 2, 3), 4)),
        'merged, 4 sensors': lambda: merged.encoder(x, Presence((0, 1, 2, 3), 4)),
    }
    for count in (1, 2, 3):
        members = tuple(range(count))
        runs[f'experts, {count} of 4'] = lambda members=members: lora.encoder(
            x[: len(members)], Presence(members, 4)
        )
    seconds = in_turns(runs, repetitions)
    base, whole = seconds['plain, batch of 4'], seconds['experts, 4 sensors']
    print(f'{encoder}, {pixels}², rank 32\n\n| image encoder | CPU s | of plain | of 4 sensors |')
    print('|---|---|---|---|')
    for name, value in seconds.items():
        print(f'| {name} | {value:.2f} | {value / base:.3f} | {value / whole:.3f} |')
    return whole <= LIMIT * base


def kept_bytes(model: MleSam, images_BMCHW: Tensor) -> int:
    """Return how much one training forward keeps for the backward pass beside the weights."""
    weights = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train().training_terms(images_BMCHW)
    return sum(kept.values())


def report_memory(encoder: str, pixels: int) -> None:
    """Print what training keeps: everything trainable, frozen base, and computed again."""
    images = torch.randn(BATCH, len(NAMES), 3, pixels, pixels)
    variants = {
        'naive: base not frozen': {'train_base': True},
        'frozen base': {},
        'frozen base, `recompute`': {'recompute': True},
    }
    print(f'\n{encoder}, {pixels}², batch {BATCH}, 4 sensors\n')
    print('| training | kept MB | of naive |\n|---|---|---|')
    naive = 0
    for name, options in variants.items():
        kept = kept_bytes(build(encoder, **options), images)
        naive = naive or kept
        print(f'| {name} | {kept / 1e6:.0f} | {kept / naive:.2f} |', flush=True)


def main() -> int:
    """Measure what is asked for; return 1 if experts cost more than allowed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('what', nargs='*', default=['time', 'memory'])
    parser.add_argument('--encoder', default='hiera_tiny')
    parser.add_argument('--pixels', type=int, default=512)
    parser.add_argument('--repetitions', type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cheap = True
    if 'time' in arguments.what:
        cheap = report_time(arguments.encoder, arguments.pixels, arguments.repetitions)
    if 'memory' in arguments.what:
        report_memory(arguments.encoder, arguments.pixels)
    return int(not cheap)


if __name__ == '__main__':
    raise SystemExit(main())
