"""`mmseg_ros export`: a training run becomes a bundle; a bundle another precision or one file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_models.export.bundle import ExportData
    from mmseg_models.segmentation_model import SegmentationModel
    from mmseg_ros.inference.manifest import Manifest

EPILOG = """examples:
  python -m mmseg_ros export runs/stitchfusion_b0_sim --output models/zoo/stitchfusion-b0-sim
  python -m mmseg_ros export runs/stitchfusion_b0_sim --precision fp16 --output out/b0-fp16
  python -m mmseg_ros export stitchfusion-b0-sim --precision int8 --calibrate-on out/deliver \\
      --output out/b0-int8
  python -m mmseg_ros export runs/mle_sam_micro_sim --weights fp16 --output out/mle-sam-micro-sim
  python -m mmseg_ros export runs/crossvlt_small_sim --output models/zoo/crossvlt-small-sim
  python -m mmseg_ros export runs/mle_sam_micro_sim --merge-experts --output out/mle-sam-micro
  python -m mmseg_ros export stitchfusion-b0-sim --dynamic --output out/b0.onnx

fp16 is for GPUs: TensorRT computes in the precision of the file. CPUs are faster with fp32 and,
where they have 8-bit products (VNNI), with int8. A data set in DeLiVER's folders gives the frames:
its train split to calibrate on, its --split to score on. Graphs that lose more mIoU than 0.001
(fp32), 0.002 (fp16) or 0.01 (int8) are not written.

--dynamic writes one ONNX file of a bundle with dynamic shapes, for other programs and for TensorRT
with a range of sizes; the nodes use the graphs of the bundle, which are faster. Inputs: images
uint8 [1, A, H, W, 3], encoded, and members int64 [A], which says the modality of each image as its
place in the bundle's list. A is 1 to the number of modalities, H and W are multiples of 32.
Outputs: labels and confidence, uint8 [1, H, W].
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        'run', type=Path, help='folder of a training run, or a bundle (folder or shipped name)'
    )
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    parser.add_argument(
        '--licence', help="license of the weights (SPDX); default: the bundle's own, or Apache-2.0"
    )
    parser.add_argument(
        '--precision', choices=('fp32', 'fp16', 'int8'), default='fp32', help='of the graphs'
    )
    parser.add_argument(
        '--weights',
        choices=('fp32', 'fp16', 'linked'),
        default='fp32',
        help='what the weights are stored in; fp16 halves the bundle, graphs stay as they are; '
        'linked (int8 of a bundle): not again, the manifest names the bundle that stores them',
    )
    parser.add_argument(
        '--calibrate-on', type=Path, metavar='DATA_SET', help='its train split calibrates int8'
    )
    parser.add_argument(
        '--score-on',
        type=Path,
        metavar='DATA_SET',
        help='measure what the graphs lose in mIoU; int8: default is the calibration data set',
    )
    parser.add_argument('--split', default='val', help='of --score-on: train, val or test')
    parser.add_argument(
        '--merge-experts',
        action='store_true',
        help="mle_sam: put each sensor's experts into weights of its own (faster, larger)",
    )
    parser.add_argument(
        '--dynamic',
        action='store_true',
        help='write one ONNX file of a bundle for any size and any of its sensors',
    )
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Export the best checkpoint of a run, or a bundle again."""
    from mmseg_models.registry import list_models
    from mmseg_models.training.trained_weights import trained_model_name
    from mmseg_ros.core.atomic_files import require_absent
    from mmseg_ros.core.errors import BundleError
    from mmseg_ros.inference.bundle import MANIFEST_FILE

    require_absent(arguments.output, BundleError)
    _require_link(arguments)
    if arguments.dynamic:
        return _export_dynamic(arguments)
    if not arguments.run.exists() or (arguments.run / MANIFEST_FILE).is_file():
        _export_segmentation(arguments, *_from_bundle(arguments))
    elif trained_model_name(arguments.run) in list_models('referring'):
        _export_referring(arguments)
    else:
        _export_segmentation(arguments, *_from_run(arguments))
    size_mb = sum(path.stat().st_size for path in arguments.output.rglob('*')) / 1e6
    print(f'{arguments.output}: {size_mb:.1f} MB')
    return 0


def _require_link(arguments: argparse.Namespace) -> None:
    """Check that `--weights linked` is asked for where it can be."""
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.inference.bundle import MANIFEST_FILE

    if arguments.weights != 'linked':
        return
    is_run = arguments.run.exists() and not (arguments.run / MANIFEST_FILE).is_file()
    if arguments.precision != 'int8' or is_run:
        raise ConfigError(
            '--weights linked is for --precision int8 of a bundle, whose weights stay where they '
            'are; take fp32 or fp16.'
        )


def _export_dynamic(arguments: argparse.Namespace) -> int:
    """Write the graph with dynamic shapes of a bundle, with its weights inside."""
    from mmseg_models.export.deployed import bundled_model, deployed_graph
    from mmseg_models.export.dynamic_graph import write_dynamic_graph
    from mmseg_ros.core.atomic_files import require_writable
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.inference.bundle import load_bundle

    output: Path = arguments.output
    scores = arguments.score_on or arguments.calibrate_on
    if arguments.precision == 'int8' or arguments.weights != 'fp32' or scores:
        raise ConfigError('--dynamic writes fp32 or fp16 and scores nothing; leave the rest out.')
    require_writable(output)
    bundle = load_bundle(arguments.run)
    model = bundled_model(bundle)
    model = model.half() if arguments.precision == 'fp16' else model.float()
    write_dynamic_graph(deployed_graph(model, bundle.manifest), output)
    members = ', '.join(f'{i} {name}' for i, name in enumerate(bundle.manifest.modality_names))
    print(f'{output}: {output.stat().st_size / 1e6:.1f} MB, members {members}')
    return 0


def _from_bundle(arguments: argparse.Namespace) -> tuple[SegmentationModel, Manifest]:
    from mmseg_models.export.deployed import bundled_model
    from mmseg_models.export.trained import manifest_again
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.inference.bundle import load_bundle

    if arguments.merge_experts:
        raise ConfigError('--merge-experts is for training runs, not for bundles; leave it out.')
    bundle = load_bundle(arguments.run)
    linked = arguments.weights == 'linked'
    manifest = manifest_again(bundle, _name(arguments), arguments.precision, linked)
    if arguments.licence:
        manifest = replace(manifest, licence=arguments.licence)
    return bundled_model(bundle), manifest


def _from_run(arguments: argparse.Namespace) -> tuple[SegmentationModel, Manifest]:
    from mmseg_models.export.trained import manifest_of
    from mmseg_models.mle_sam.merging import merge_experts
    from mmseg_models.training.trained_weights import load_trained

    trained, info = load_trained(arguments.run)
    model: SegmentationModel = trained
    if arguments.merge_experts:
        model = merge_experts(model)
        info = replace(info, options=model.options)
    return model, manifest_of(info, _name(arguments), _licence(arguments), arguments.precision)


def _export_segmentation(
    arguments: argparse.Namespace, model: SegmentationModel, manifest: Manifest
) -> None:
    from mmseg_models.export.bundle import write_bundle

    data = _data(arguments, manifest)
    write_bundle(model, manifest, arguments.output, _say, data, arguments.weights)


def _data(arguments: argparse.Namespace, manifest: Manifest) -> ExportData:
    """Open the data sets that were named."""
    from mmseg_models.export.bundle import ExportData
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.datasets.reader import open_dataset

    names, classes = manifest.modality_names, manifest.label_space
    calibration = None
    if arguments.calibrate_on is not None:
        if arguments.precision != 'int8':
            raise ConfigError('--calibrate-on is for --precision int8; leave it out.')
        calibration = open_dataset(arguments.calibrate_on, 'train', names, classes)
    scored = arguments.score_on or arguments.calibrate_on
    if scored is None:
        return ExportData(calibration)
    return ExportData(calibration, open_dataset(scored, arguments.split, names, classes))


def _export_referring(arguments: argparse.Namespace) -> None:
    from mmseg_models.export.referring_bundle import (
        referring_manifest_of,
        write_referring_bundle,
    )
    from mmseg_models.training.referring_checkpoint import load_referring
    from mmseg_ros.core.errors import ConfigError

    in_fp32 = arguments.precision == arguments.weights == 'fp32'
    if not in_fp32 or arguments.score_on is not None:
        raise ConfigError(
            'Text-prompted segmentation is exported in fp32 and not scored on the way; leave '
            '--precision, --weights, --calibrate-on and --score-on out, and use `mmseg_ros '
            'evaluate`.'
        )
    model, info = load_referring(arguments.run)
    manifest = referring_manifest_of(info, _name(arguments), _licence(arguments))
    write_referring_bundle(model, manifest, info.vocabulary, arguments.output, _say)


def _name(arguments: argparse.Namespace) -> str:
    return str(arguments.name or arguments.output.name)


def _licence(arguments: argparse.Namespace) -> str:
    return str(arguments.licence or 'Apache-2.0')


def _say(step: str) -> None:
    print(step + ' ...')
