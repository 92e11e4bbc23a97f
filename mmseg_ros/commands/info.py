"""`mmseg_ros info`: what is installed, and which bundles and label spaces there are."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ros.inference.manifest_reader import FileEntry

EPILOG = """examples:
  python -m mmseg_ros info
  python -m mmseg_ros info --json > environment.json"""

# What a user gets from each optional part -> (importable module, distribution) it needs.
_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    'ROS 2 nodes': (('rclpy', 'ros-rclpy'), ('sensor_msgs', 'ros-sensor-msgs')),
    'inference on ONNX Runtime': (('onnxruntime', 'onnxruntime'),),
    'inference on OpenVINO': (('openvino', 'openvino'),),
    'inference on TensorRT': (('tensorrt', 'tensorrt'),),
    'text-prompted segmentation': (('tokenizers', 'tokenizers'),),
    'bags without ROS': (('rosbags', 'rosbags'), ('mcap', 'mcap')),
    'simulation': (('embreex', 'embreex'),),
    'HTML reports': (('jinja2', 'jinja2'), ('matplotlib', 'matplotlib')),
    'progress bars': (('rich', 'rich'),),
    'training': (('torch', 'torch'), ('lightning_fabric', 'lightning-fabric')),
    'export': (('onnx', 'onnx'), ('onnxscript', 'onnxscript')),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('--json', action='store_true', help='print one JSON object')


def run(args: argparse.Namespace) -> int:
    """Print the summary; a damaged bundle is named, not an error."""
    data = collect()
    if args.json:
        sys.stdout.write(json.dumps(data, indent=2, sort_keys=True) + '\n')
    else:
        sys.stdout.write(_text(data))
    return 0


def collect() -> dict[str, Any]:
    """Return versions, optional parts, bundles and label spaces as plain values."""
    from mmseg_ros import __version__
    from mmseg_ros.core.resources import share_directory

    share = share_directory()
    return {
        'mmseg_ros': __version__,
        'python': platform.python_version(),
        'platform': platform.platform(),
        'cpus': os.cpu_count(),
        'ros_distro': os.environ.get('ROS_DISTRO', ''),
        'share': str(share),
        'parts': {part: _part(needed) for part, needed in _PARTS.items()},
        'bundles': [_bundle(path.name) for path in sorted((share / 'models/zoo').glob('*/'))],
        'label_spaces': [
            _label_space(path.stem)
            for path in sorted((share / 'config/label_spaces').glob('*.yaml'))
        ],
    }


def _part(needed: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    versions = {name: _version(name, package) for name, package in needed}
    missing = [name for name, version in versions.items() if version is None]
    return {'available': not missing, 'versions': versions, 'missing': missing}


def _version(module: str, distribution: str) -> str | None:
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return 'installed'


def _bundle(name: str) -> dict[str, Any]:
    from mmseg_ros.core.errors import BundleError
    from mmseg_ros.inference.bundle import read_manifest
    from mmseg_ros.inference.manifest_reader import REFERRING, task_of

    try:
        _, data = read_manifest(name)
        details = _referring(name) if task_of(data) == REFERRING else _segmentation(name)
    except BundleError as error:
        return {'name': name, 'error': str(error)}
    return {'name': name, 'task': task_of(data), **details}


def _segmentation(name: str) -> dict[str, Any]:
    from mmseg_ros.inference.bundle import load_bundle

    manifest = load_bundle(name).manifest
    return {
        'model': manifest.model,
        'modalities': list(manifest.modality_names),
        'input': f'{manifest.width} x {manifest.height}',
        'precision': manifest.precision,
        'label_space': manifest.label_space.id,
        'classes': manifest.label_space.num_classes,
        'megabytes': _megabytes(manifest.files),
    }


def _referring(name: str) -> dict[str, Any]:
    from mmseg_ros.referring.bundle import load_referring_bundle

    manifest = load_referring_bundle(name).manifest
    return {
        'model': manifest.model,
        'modalities': ['rgb', 'text'],
        'input': f'{manifest.width} x {manifest.height}',
        'max_tokens': manifest.max_tokens,
        'precision': manifest.precision,
        'megabytes': _megabytes(manifest.files),
    }


def _megabytes(files: Mapping[str, FileEntry]) -> float:
    return round(sum(entry.bytes for entry in files.values()) / 1e6, 1)


def _label_space(name: str) -> dict[str, Any]:
    from mmseg_ros.core.labels import load_label_space

    label_space = load_label_space(name)
    return {
        'name': name,
        'classes': list(label_space.names),
        'ignore_id': label_space.ignore_id,
        'fingerprint': label_space.fingerprint(),
    }


def _text(data: dict[str, Any]) -> str:
    lines = [
        f'mmseg_ros {data["mmseg_ros"]}, Python {data["python"]}, {data["cpus"]} CPUs',
        f'files: {data["share"]}',
        '',
        'parts',
    ]
    for part, state in data['parts'].items():
        versions = ', '.join(f'{n} {v}' for n, v in state['versions'].items() if v)
        missing = ', '.join(state['missing'])
        lines.append(f'  {part:26} ' + (versions if state['available'] else f'missing: {missing}'))
    lines += ['', 'bundles']
    lines += [_bundle_line(bundle) for bundle in data['bundles']] or ['  none']
    lines += ['', 'label spaces']
    lines += [
        f'  {space["name"]}: {len(space["classes"])} classes ({", ".join(space["classes"])})'
        for space in data['label_spaces']
    ]
    return '\n'.join(lines) + '\n'


def _bundle_line(bundle: dict[str, Any]) -> str:
    if 'error' in bundle:
        return f'  {bundle["name"]}: unusable: {bundle["error"]}'
    answers = (
        f'{bundle["classes"]} classes of {bundle["label_space"]}'
        if 'classes' in bundle
        else f'text prompts of up to {bundle["max_tokens"]} tokens'
    )
    return (
        f'  {bundle["name"]}: {bundle["model"]}, {"+".join(bundle["modalities"])}, '
        f'{bundle["input"]}, {bundle["precision"]}, {answers}, {bundle["megabytes"]} MB'
    )
