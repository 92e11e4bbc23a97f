"""`mmseg_ros export-open`: a bundle becomes one ONNX file for any size and any of its sensors."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """examples:
  python -m mmseg_ros export-open stitchfusion-b0-sim out/b0.onnx
  python -m mmseg_ros export-open out/b0-fp16 out/b0-fp16.onnx --precision fp16

For other programs and for TensorRT with a range of shapes; the nodes use the graphs of the bundle,
which are faster. Inputs: images uint8 [1, A, H, W, 3], encoded, and members int64 [A], which says
the modality of each image as its place in the bundle's list. A is 1 to the number of modalities,
H and W are multiples of 32. Outputs: labels and confidence, uint8 [1, H, W]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bundle', help='name or folder')
    parser.add_argument('output', type=Path, help='file to write')
    parser.add_argument('--precision', choices=('fp32', 'fp16'), default='fp32')


def run(args: argparse.Namespace) -> int:
    """Write the graph, with its weights inside."""
    from mmseg_models.export.deployed import deployed_graph, deployed_network
    from mmseg_models.export.open_size import write_open_graph
    from mmseg_ros.core.errors import BundleError
    from mmseg_ros.inference.bundle import load_bundle

    if args.output.exists():
        raise BundleError(f'{args.output} exists; remove it or choose another name.')
    bundle = load_bundle(args.bundle)
    model = deployed_network(bundle).model
    model = model.half() if args.precision == 'fp16' else model.float()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_open_graph(deployed_graph(model, bundle.manifest), args.output)
    members = ', '.join(f'{i} {name}' for i, name in enumerate(bundle.manifest.modality_names))
    print(f'{args.output}: {args.output.stat().st_size / 1e6:.1f} MB, members {members}')
    return 0
