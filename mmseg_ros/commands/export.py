"""`mmseg_ros export`: a training run becomes a bundle."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

EPILOG = """examples:
  python -m mmseg_ros export runs/stitchfusion_b0_sim --output models/zoo/stitchfusion-b0-sim
  python -m mmseg_ros export runs/stitchfusion_b0_sim --precision fp16 --output out/b0-fp16
  python -m mmseg_ros export runs/crossvlt_small_sim --output models/zoo/crossvlt-small-sim
  python -m mmseg_ros export runs/mle_sam_micro_sim --merge-experts --output out/mle-sam-micro

fp16 is for GPUs: TensorRT computes in the precision of the file. CPUs are faster with fp32.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument('run', type=Path, help='folder of a training run')
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    parser.add_argument('--licence', default='Apache-2.0', help='licence of the weights (SPDX)')
    parser.add_argument('--precision', choices=('fp32', 'fp16'), default='fp32')
    parser.add_argument(
        '--merge-experts',
        action='store_true',
        help="mle_sam: put each sensor's experts into weights of its own (faster, larger)",
    )
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Export the best checkpoint of a run."""
    from mmseg_models.registry import list_models
    from mmseg_models.training.checkpoint import trained_model_name

    name = arguments.name or arguments.output.name
    referring = trained_model_name(arguments.run) in list_models('referring')
    (_export_referring if referring else _export_segmentation)(arguments, name)
    size_mb = sum(path.stat().st_size for path in arguments.output.rglob('*')) / 1e6
    print(f'{arguments.output}: {size_mb:.1f} MB')
    return 0


def _export_segmentation(arguments: argparse.Namespace, name: str) -> None:
    from mmseg_models.export.bundle import write_bundle
    from mmseg_models.export.trained import manifest_of
    from mmseg_models.mle_sam.merging import merge_experts
    from mmseg_models.training.checkpoint import load_trained

    model, info = load_trained(arguments.run)
    if arguments.merge_experts:
        model = merge_experts(model)
        info = replace(info, options=model.options)
    manifest = manifest_of(info, name, arguments.licence, arguments.precision)
    write_bundle(model, manifest, arguments.output, _say)


def _export_referring(arguments: argparse.Namespace, name: str) -> None:
    from mmseg_models.export.referring_bundle import (
        referring_manifest_of,
        write_referring_bundle,
    )
    from mmseg_models.training.referring_checkpoint import load_referring
    from mmseg_ros.core.errors import ConfigError

    if arguments.precision != 'fp32':
        raise ConfigError(
            f'--precision {arguments.precision} is for TensorRT, which does not run '
            'text-prompted segmentation; leave it out.'
        )
    model, info = load_referring(arguments.run)
    manifest = referring_manifest_of(info, name, arguments.licence)
    write_referring_bundle(model, manifest, info.vocabulary, arguments.output, _say)


def _say(step: str) -> None:
    print(step + ' ...')
