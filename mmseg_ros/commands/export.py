"""`mmseg_ros export`: a training run becomes a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """examples:
  python -m mmseg_ros export runs/stitchfusion_b0_sim --output models/zoo/stitchfusion-b0-sim
  python -m mmseg_ros export runs/stitchfusion_b0_sim --precision fp16 --output out/b0-fp16

fp16 is for GPUs: TensorRT computes in the precision of the file. CPUs are faster with fp32.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument('run', type=Path, help='folder of a training run')
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    parser.add_argument('--licence', default='Apache-2.0', help='licence of the weights (SPDX)')
    parser.add_argument('--precision', choices=('fp32', 'fp16'), default='fp32')
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Export the best checkpoint of a run."""
    from mmseg_models.export.bundle import write_bundle
    from mmseg_models.export.trained import manifest_of
    from mmseg_models.training.checkpoint import load_trained

    model, info = load_trained(arguments.run)
    name = arguments.name or arguments.output.name
    manifest = manifest_of(info, name, arguments.licence, arguments.precision)
    bundle = write_bundle(model, manifest, arguments.output, lambda step: print(step + ' ...'))
    size_mb = sum(entry.bytes for entry in bundle.manifest.files.values()) / 1e6
    print(f'{bundle.path}: {size_mb:.1f} MB')
    return 0
