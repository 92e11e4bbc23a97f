"""Finds a Mitsuba that works: it needs LLVM, and some versions of LLVM abort the process."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import ConfigError

VARIANT = 'llvm_ad_rgb'
_PATH_VARIABLE = 'DRJIT_LIBLLVM_PATH'
_FOLDERS = ('/usr/lib', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/opt/llvm/lib')
_HINT = (
    'Install LLVM 16 or newer (on Debian and Ubuntu: apt-get install libllvm19), or name its '
    f'library in {_PATH_VARIABLE}; `--renderer fast` needs neither.'
)
_PROBE = (
    f'import mitsuba as mi; mi.set_variant({VARIANT!r}); '
    'mi.render(mi.load_dict(mi.cornell_box()), spp=1).numpy()'
)
_PROBE_S = 120.0


@lru_cache(maxsize=1)
def load_mitsuba() -> Any:
    """Return the module `mitsuba`, ready to trace rays on the CPU.

    It is tried in its own process first: an LLVM that it cannot use ends the process.

    Raises:
        ConfigError: Mitsuba, the denoiser or a usable LLVM is missing.
    """
    for module in ('mitsuba', 'pyoidn'):
        if find_spec(module) is None:
            raise ConfigError(
                f'--renderer mitsuba needs {module}, which is not installed: '
                "pip install 'mmseg_ros[mitsuba]'."
            )
    library = os.environ.get(_PATH_VARIABLE) or newest_llvm()
    if not library:
        raise ConfigError(f'--renderer mitsuba found no LLVM on this machine. {_HINT}')
    _probe(library)
    os.environ[_PATH_VARIABLE] = library
    mitsuba = importlib.import_module('mitsuba')
    mitsuba.set_variant(VARIANT)
    return mitsuba


def newest_llvm(folders: tuple[str, ...] = _FOLDERS) -> str:
    """Return the path of the newest LLVM library in these folders, or ''."""
    found = {
        path: int(match.group(1))
        for folder in folders
        for path in sorted(Path(folder).glob('**/libLLVM*.so*'))
        if (match := re.search(r'libLLVM(?:\.so\.|-)(\d+)', path.name))
    }
    return str(max(found, key=lambda path: found[path])) if found else ''


def _probe(library: str) -> None:
    """Render an image in another process.

    Raises:
        ConfigError: That process fails.
    """
    command = [sys.executable, '-c', _PROBE]
    environment = {**os.environ, _PATH_VARIABLE: library}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f'Mitsuba with {library} gave no image in {_PROBE_S:g} s.') from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.strip()), 'nothing')
        raise ConfigError(f'Mitsuba does not work with {library}, it says: {said[:200]}. {_HINT}')
