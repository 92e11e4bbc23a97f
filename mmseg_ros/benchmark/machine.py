"""On what, with what and of what a measurement was made."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from mmseg_ros import __version__
from mmseg_ros.inference.bundle import MANIFEST_FILE, Bundle, file_sha256

_DISTRIBUTIONS = (
    'numpy',
    'onnxruntime',
    'onnxruntime-gpu',
    'openvino',
    'tensorrt',
    'tensorrt-rtx-cu13',
    'torch',
    'numba',
    'opencv-python-headless',
    'ros-jazzy-rclpy',
)
_CPU_FEATURES = (
    'avx2',
    'avx512f',
    'avx512_vnni',
    'avx512_bf16',
    'avx512_fp16',
    'amx_bf16',
    'amx_int8',
    'asimd',
)


def describe_machine() -> dict[str, Any]:
    """Return the processor, its relevant features, memory, load and system."""
    text = _read('/proc/cpuinfo')
    fields = dict(line.split(':', 1) for line in text.splitlines() if ':' in line)
    values = {key.strip(): value.strip() for key, value in fields.items()}
    flags = values.get('flags', values.get('Features', '')).split()
    return {
        'cpu': values.get('model name', platform.processor()),
        'cores': len(os.sched_getaffinity(0)),
        'features': [name for name in _CPU_FEATURES if name in flags],
        'memory_gb': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1),
        'load_1min': round(os.getloadavg()[0], 2),
        'system': platform.platform(),
    }


def describe_software() -> dict[str, str]:
    """Return the versions of this package and of what does the work."""
    found = {'mmseg_ros': __version__, 'python': platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Return name, input and the hash of the manifest, which holds the hashes of all files."""
    manifest = bundle.manifest
    return {
        'name': manifest.name,
        'sha256': file_sha256(bundle.path / MANIFEST_FILE),
        'precision': manifest.precision,
        'input': f'{manifest.width}x{manifest.height}',
        'modalities': list(manifest.modality_names),
    }


def steal_between(before: str, after: str) -> float:
    """Return the share of the processors' time that the host took away.

    Args:
        before: Content of /proc/stat.
        after: The same later.

    >>> steal_between('cpu 10 0 5 5 0 0 0 0 0 0', 'cpu 16 0 6 6 0 0 0 2 0 0')
    0.2
    """
    first, last = (
        [int(word) for word in text.split('\n', 1)[0].split()[1:9]] for text in (before, after)
    )
    spent = [b - a for a, b in zip(first, last, strict=True)]
    return round(spent[7] / max(sum(spent), 1), 4) if len(spent) > 7 else 0.0


def now() -> str:
    """Return the time of the measurement, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec='seconds')


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ''
