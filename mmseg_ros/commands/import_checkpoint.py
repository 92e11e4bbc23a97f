"""`mmseg_ros import-checkpoint`: an authors' checkpoint becomes a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import LARGEST_SIDE_PX, whole_number

if TYPE_CHECKING:
    from mmseg_ros.inference.bundle import Bundle
    from mmseg_ros.referring.bundle import ReferringBundle

REFERRING = 'crossvlt'
"""The model that reads text prompts and names no classes."""

EPILOG = """examples:
  python -m mmseg_ros import-checkpoint StitchFusion_DELIVER_RGBDEL.pth --model stitchfusion \\
      --modalities rgb depth event lidar --fuse sum --output zoo/stitchfusion-b2-deliver
  python -m mmseg_ros import-checkpoint geminifusion_nyu_b3.pth --model geminifusion \\
      --modalities rgb depth --data-set nyu --height 480 --width 640 --output zoo/gf
  python -m mmseg_ros import-checkpoint segformer-b0-finetuned-cityscapes-1024-1024 \\
      --model segformer --modalities rgb --labels cityscapes --height 512 --width 1024 \\
      --output zoo/segformer-b0-cityscapes
  python -m mmseg_ros import-checkpoint mle_sam_muses.pth --model mle_sam \\
      --modalities rgb event lidar --data-set muses --height 1024 --width 1024 --output zoo/mle
  python -m mmseg_ros import-checkpoint crossvlt_refcoco.pth --model crossvlt \\
      --vocabulary vocab.txt --output zoo/crossvlt-refcoco

A SegFormer of Hugging Face is a folder with config.json and model.safetensors, or the latter.
Encoder, widths, adapters and classes are read from the names and shapes of the tensors. What the
file cannot tell is --fuse: StitchFusion's code also saves the feature fusion module's tensors
when it sums; the authors' DeLiVER results sum, those on MCubeS and FMB use ffm. Nor can it tell
MLE-SAM's --top-k and --auxiliary. MLE-SAM's authors published no code: its file holds SAM 2's
names, and those of models/mle_sam/README.md for what was added.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        'file',
        type=Path,
        help='.pth (read as plain weights), .safetensors, or a folder of Hugging Face (segformer)',
    )
    parser.add_argument(
        '--model',
        required=True,
        help='stitchfusion, geminifusion, mle_sam, crossvlt or segformer',
    )
    parser.add_argument(
        '--modalities',
        nargs='+',
        default=[],
        metavar='NAME',
        help='what the modalities are, in the order of the training; not for crossvlt',
    )
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    parser.add_argument(
        '--height',
        type=whole_number(1, LARGEST_SIDE_PX),
        help='rows of the input, pixels; default: 512, of crossvlt 480',
    )
    parser.add_argument(
        '--width',
        type=whole_number(1, LARGEST_SIDE_PX),
        help='columns of the input, pixels; default: as many',
    )
    parser.add_argument('--fuse', choices=('sum', 'ffm'), help='how StitchFusion joins its maps')
    parser.add_argument(
        '--top-k', type=whole_number(1), help="modalities that MLE-SAM's router lets through"
    )
    parser.add_argument(
        '--auxiliary',
        choices=('unified', 'weighted'),
        help="what MLE-SAM's second pathway reads; default: unified",
    )
    parser.add_argument(
        '--vocabulary', type=Path, metavar='FILE', help="crossvlt: BERT's vocab.txt"
    )
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
    from mmseg_ros.core.atomic_files import require_absent
    from mmseg_ros.core.errors import BundleError

    require_absent(arguments.output, BundleError)
    _require_fitting(arguments)
    bundle = _referring(arguments) if arguments.model == REFERRING else _segmentation(arguments)
    size_mb = sum(entry.bytes for entry in bundle.manifest.files.values()) / 1e6
    print(f'{bundle.path}: {size_mb:.1f} MB')
    return 0


def _require_fitting(arguments: argparse.Namespace) -> None:
    """Raise ConfigError for an option that the model does not have, or one that it lacks."""
    from mmseg_ros.core.errors import ConfigError

    for option, model in (('fuse', 'stitchfusion'), ('top_k', 'mle_sam'), ('auxiliary', 'mle_sam'),
                          ('vocabulary', REFERRING)):  # fmt: skip
        if getattr(arguments, option) is not None and arguments.model != model:
            name = option.replace('_', '-')
            raise ConfigError(f'--{name} is for {model}, not {arguments.model}; leave it out.')
    if arguments.model != REFERRING:
        if not arguments.modalities:
            raise ConfigError('name the modalities in the order of the training: --modalities')
        return
    if arguments.vocabulary is None:
        raise ConfigError(
            "crossvlt needs the vocabulary of its text encoder: --vocabulary vocab.txt (BERT's)"
        )
    if arguments.modalities not in ([], ['rgb']):
        raise ConfigError(
            f'crossvlt reads the camera alone, but {", ".join(arguments.modalities)} are named'
        )


def _segmentation(arguments: argparse.Namespace) -> Bundle:
    from mmseg_models.export.bundle import write_bundle
    from mmseg_models.import_authors import authors_manifest, import_authors_model
    from mmseg_ros.core.labels import load_label_space

    given = {name: getattr(arguments, name) for name in ('fuse', 'top_k', 'auxiliary')}
    overrides = {name: value for name, value in given.items() if value is not None}
    model = import_authors_model(
        arguments.file, arguments.model, arguments.modalities, **overrides
    )
    manifest = authors_manifest(
        model,
        'stitchfusion' if arguments.model == 'segformer' else arguments.model,
        arguments.name or arguments.output.name,
        _size(arguments, (512, 512)),
        load_label_space(arguments.labels or _label_space(arguments.data_set)),
        arguments.licence,
        arguments.data_set,
    )
    return write_bundle(model, manifest, arguments.output, _say)


def _referring(arguments: argparse.Namespace) -> ReferringBundle:
    from mmseg_models.export.referring_bundle import write_referring_bundle
    from mmseg_models.import_referring import (
        SIZE,
        authors_referring_manifest,
        import_authors_referring,
        read_vocabulary,
    )

    model = import_authors_referring(arguments.file)
    vocabulary = read_vocabulary(arguments.vocabulary, model)
    manifest = authors_referring_manifest(
        model,
        arguments.name or arguments.output.name,
        _size(arguments, SIZE),
        arguments.licence,
    )
    return write_referring_bundle(model, manifest, vocabulary, arguments.output, _say)


def _size(arguments: argparse.Namespace, default: tuple[int, int]) -> tuple[int, int]:
    return arguments.height or default[0], arguments.width or default[1]


def _say(step: str) -> None:
    print(f'{step} ...')


def _label_space(data_set: str) -> str:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.datasets.reader import find_reader

    name = find_reader('', data_set).label_space if data_set else 'deliver'
    if not name:
        raise ConfigError(f'{data_set} does not tell its classes; name them with --labels.')
    return name
