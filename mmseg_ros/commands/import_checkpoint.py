"""`mmseg_ros import-checkpoint`: an authors' checkpoint becomes a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmseg_ros.commands.arguments import LARGEST_SIDE_PX, whole_number

EPILOG = """examples:
  python -m mmseg_ros import-checkpoint StitchFusion_DELIVER_RGBDEL.pth --model stitchfusion \\
      --modalities rgb depth event lidar --fuse sum --output zoo/stitchfusion-b2-deliver
  python -m mmseg_ros import-checkpoint geminifusion_nyu_b3.pth --model geminifusion \\
      --modalities rgb depth --data-set nyu --height 480 --width 640 --output zoo/gf
  python -m mmseg_ros import-checkpoint segformer-b0-finetuned-cityscapes-1024-1024 \\
      --model segformer --modalities rgb --labels cityscapes --height 512 --width 1024 \\
      --output zoo/segformer-b0-cityscapes

A SegFormer of Hugging Face is a folder with config.json and model.safetensors, or the latter.
Encoder, widths, adapters and classes are read from the names and shapes of the tensors. What the
file cannot tell is --fuse: StitchFusion's code also saves the feature fusion module's tensors
when it sums; the authors' DeLiVER results sum, those on MCubeS and FMB use ffm.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        'file',
        type=Path,
        help='.pth (read as plain weights), .safetensors, or a folder of Hugging Face (segformer)',
    )
    parser.add_argument('--model', required=True, help='stitchfusion, geminifusion or segformer')
    parser.add_argument(
        '--modalities',
        nargs='+',
        required=True,
        metavar='NAME',
        help='what the modalities are, in the order of the training',
    )
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    parser.add_argument(
        '--height',
        type=whole_number(1, LARGEST_SIDE_PX),
        default=512,
        help='rows of the input, pixels',
    )
    parser.add_argument(
        '--width',
        type=whole_number(1, LARGEST_SIDE_PX),
        default=512,
        help='columns of the input, pixels',
    )
    parser.add_argument('--fuse', choices=('sum', 'ffm'), help='how StitchFusion joins its maps')
    parser.add_argument(
        '--data-set',
        default='',
        metavar='FORMAT',
        help='data set it was trained on (deliver, muses, mcubes, fmb, nyu ...): tells the label '
        'space, the encodings and the normalization',
    )
    parser.add_argument(
        '--labels', default='', help="label space: name or YAML file; default: the data set's"
    )
    parser.add_argument(
        '--licence',
        default='LicenseRef-authors-non-commercial',
        help="license of the weights (SPDX); SegFormer's pretrained encoder is non-commercial",
    )
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Import the checkpoint and write the bundle."""
    from mmseg_models.export.bundle import write_bundle
    from mmseg_models.import_authors import authors_manifest, import_authors_model
    from mmseg_ros.core.atomic_files import require_absent
    from mmseg_ros.core.errors import BundleError
    from mmseg_ros.core.labels import load_label_space

    require_absent(arguments.output, BundleError)
    overrides: dict[str, Any] = {} if arguments.fuse is None else {'fuse': arguments.fuse}
    model = import_authors_model(
        arguments.file, arguments.model, arguments.modalities, **overrides
    )
    manifest = authors_manifest(
        model,
        'stitchfusion' if arguments.model == 'segformer' else arguments.model,
        arguments.name or arguments.output.name,
        (arguments.height, arguments.width),
        load_label_space(arguments.labels or _label_space(arguments.data_set)),
        arguments.licence,
        arguments.data_set,
    )
    bundle = write_bundle(model, manifest, arguments.output, lambda step: print(step + ' ...'))
    size_mb = sum(entry.bytes for entry in bundle.manifest.files.values()) / 1e6
    print(f'{bundle.path}: {size_mb:.1f} MB')
    return 0


def _label_space(data_set: str) -> str:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.datasets.reader import find_reader

    name = find_reader('', data_set).label_space if data_set else 'deliver'
    if not name:
        raise ConfigError(f'{data_set} does not tell its classes; name them with --labels.')
    return name
