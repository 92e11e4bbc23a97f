"""`mmseg_ros import-onnx`: a network that others trained becomes a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_ros.commands.arguments import (
    LARGEST_PIXEL_VALUE,
    LARGEST_SIDE_PX,
    real_number,
    whole_number,
)

EPILOG = """examples:
  python -m mmseg_ros import-onnx pidnet_s.onnx --modalities rgb --mean 0.485 0.456 0.406 \\
      --std 0.229 0.224 0.225 --labels cityscapes --output zoo/pidnet-s
  python -m mmseg_ros import-onnx pp_liteseg.onnx --modalities rgb --mean 0.5 0.5 0.5 \\
      --std 0.5 0.5 0.5 --labels cityscapes --height 512 --width 1024 --output zoo/pp-liteseg
  python -m mmseg_ros import-onnx rtfnet.onnx --modalities rgb thermal --labels mfnet \\
      --mean 0 0 0 --std 1 1 1 --output zoo/rtfnet

The network takes one image batch of 1, NCHW or NHWC, float32, float16 or uint8, and answers with
class scores, probabilities or labels of any stride. Several modalities come as one input each, or
as the channels of one. Scaling, mean, std, the change of size and the choice of the class become
part of the bundle's graph. A network that answers with labels alone gives no confidence:
min_confidence does nothing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument('file', type=Path, help='ONNX file of the network')
    parser.add_argument(
        '--modalities',
        nargs='+',
        required=True,
        metavar='NAME',
        help="sensors, in the order of the network's inputs or channels",
    )
    parser.add_argument('--labels', required=True, help='label space: name or YAML file')
    parser.add_argument('--output', type=Path, required=True, help='folder of the bundle to make')
    parser.add_argument('--name', help="name of the bundle; default: the output folder's name")
    _add_input(parser)
    _add_output(parser)
    parser.add_argument(
        '--licence', default='LicenseRef-unknown', help='license of the weights (SPDX)'
    )
    parser.epilog = EPILOG


def _add_input(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('input of the network')
    for option, least in (('--mean', -LARGEST_PIXEL_VALUE), ('--std', 0.0)):
        group.add_argument(
            option,
            nargs='+',
            type=real_number(least, LARGEST_PIXEL_VALUE, positive=option == '--std'),
            default=[],
            metavar='X',
            help='3 numbers, or 3 per modality; needed unless the network takes bytes',
        )
    group.add_argument(
        '--range',
        type=int,
        choices=(1, 255),
        default=1,
        help='largest value of a pixel that --mean and --std are for',
    )
    group.add_argument(
        '--input-name',
        nargs='+',
        default=[],
        metavar='NAME',
        help='inputs in the order of the modalities; default: all of the network',
    )
    group.add_argument('--layout', choices=('nchw', 'nhwc'), help='default: by the shape')
    group.add_argument(
        '--channel-order',
        choices=('rgb', 'bgr'),
        default='rgb',
        help='what the network was trained on; --mean and --std are in this order',
    )
    group.add_argument(
        '--encodings', nargs='+', default=[], metavar='NAME', help='default: the standard ones'
    )
    for side in ('height', 'width'):
        group.add_argument(
            f'--{side}',
            type=whole_number(1, LARGEST_SIDE_PX),
            help='pixels, where the network leaves it open',
        )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('output of the network')
    group.add_argument('--output-name', metavar='NAME', help='default: the one that fits')
    group.add_argument(
        '--output-kind',
        choices=('logits', 'probabilities', 'labels'),
        help='default: by type, shape and last operator',
    )


def run(arguments: argparse.Namespace) -> int:
    """Import the network and write the bundle."""
    from mmseg_models.external.bundle import ExternalOptions, import_onnx
    from mmseg_ros.core.labels import load_label_space

    options = ExternalOptions(
        modalities=tuple(arguments.modalities),
        label_space=load_label_space(arguments.labels),
        mean=tuple(arguments.mean),
        std=tuple(arguments.std),
        pixel_range=float(arguments.range),
        encodings=tuple(arguments.encodings),
        input_names=tuple(arguments.input_name),
        output_name=arguments.output_name,
        output_kind=arguments.output_kind,
        height=arguments.height,
        width=arguments.width,
        layout=arguments.layout,
        bgr=arguments.channel_order == 'bgr',
        licence=arguments.licence,
    )
    name = arguments.name or arguments.output.name
    bundle = import_onnx(arguments.file, options, arguments.output, name)
    for fact, value in bundle.manifest.model_options.items():
        print(f'{fact}: {value}')
    print(f'{bundle.path}: {(bundle.path / "model.onnx").stat().st_size / 1e6:.1f} MB')
    return 0
