"""`mmseg_ros build-engine`: build the TensorRT engines of a bundle before the vehicle leaves."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mmseg_ros.core.resources import DEFAULT_BUNDLE

EPILOG = """examples:
  python -m mmseg_ros build-engine
  python -m mmseg_ros build-engine out/b0-fp16 --cache /opt/engines

Needs TensorRT 10 or 11, or TensorRT-RTX. An engine serves one version of the library and one
kind of GPU: build on the vehicle, or on the same module. TensorRT-RTX builds without a GPU too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bundle', nargs='?', default=DEFAULT_BUNDLE, help='name or folder')
    parser.add_argument('--cache', type=Path, help='folder of engines; default: ~/.cache')


def run(args: argparse.Namespace) -> int:
    """Build the engine of every graph of the bundle that is not in the cache yet."""
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.inference.bundle import ONNX_FILE, load_bundle
    from mmseg_ros.inference.engine_cache import EngineCache
    from mmseg_ros.inference.tensorrt_backend import TensorRt

    bundle = load_bundle(args.bundle)
    cache = EngineCache(args.cache)
    for file in (ONNX_FILE, *bundle.manifest.subsets):
        began_s = time.monotonic()
        with progress_bar(f'building {file}') as progress:
            runtime = TensorRt(cache=cache, progress=_percent(progress))
            found = runtime.has_engine(bundle.path / file)
            engine = runtime.engine(bundle.path / file)
        how = 'was there' if found else f'built in {time.monotonic() - began_s:.0f} s'
        sys.stdout.write(f'{file}: {len(engine) / 1e6:.1f} MB, {how}\n')
    sys.stdout.write(f'engines: {cache.folder}\n')
    return 0


def _percent(show: Callable[[int, int], None]) -> Callable[[str, float], None]:
    """Return what turns the share of a phase into a step of a bar."""
    return lambda phase, share: show(round(100 * share), 100)
