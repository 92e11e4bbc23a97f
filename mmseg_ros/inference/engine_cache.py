"""Engines on disk: found by what they were made from and for, and never trusted unseen."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mmseg_ros.core.errors import BackendError
from mmseg_ros.inference.bundle import CONSTANTS_FILE, WEIGHTS_FILE, file_sha256
from mmseg_ros.inference.own_files import (
    open_own_file,
    read_own_file,
    require_own_folder,
    write_own_file,
)

_LOGGER = logging.getLogger(__name__)
_POLL_S = 0.2
_KEY_DIGITS = 20
LIMIT_BYTES = 4_000_000_000


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that an engine depends on; a change of any field asks for another engine.

    Attributes:
        graph: SHA-256 over the ONNX file and the files its weights stand in.
        library: Name and version of the library that builds and runs the engine.
        device: Processor, with the compute capability of a GPU.
        precision: What it computes in.
        shapes: Inputs with their sizes, and other settings of the build.
    """

    graph: str
    library: str
    device: str
    precision: str
    shapes: str

    def digest(self) -> str:
        """Return the name of the engine's files."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]


def default_cache() -> Path:
    """Return `$XDG_CACHE_HOME/mmseg_ros/engines`, below ~/.cache by default."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmseg_ros' / 'engines'


class EngineCache:
    """A folder of engines that several processes may share.

    Each engine is `<digest>.engine` beside `<digest>.json`, which holds its key, size and hash and
    is written last: an engine without it does not count.

    Args:
        folder: Where they stand; made when the first one is stored. It has to be the user's own,
            and nobody else may read or write it: whoever could, could have any code run.
        limit_bytes: Beyond this the engines that were not used for longest are removed.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder or default_cache()
        self.limit_bytes = limit_bytes

    def find(self, key: EngineKey) -> bytes | None:
        """Return the engine if it is there and whole.

        What is damaged or belongs to another key is named in the log and counts as absent.
        """
        engine, sidecar = self._paths(key)
        try:
            require_own_folder(self.folder)
            facts = json.loads(read_own_file(sidecar))
            content = read_own_file(engine)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            _LOGGER.warning('%s is not readable (%s): the engine is built again.', engine, error)
            return None
        if not isinstance(facts, dict) or facts.get('key') != asdict(key):
            _LOGGER.warning('%s belongs to something else: the engine is built again.', engine)
            return None
        os.utime(engine)  # the engines used last are kept longest
        if facts.get('sha256') != hashlib.sha256(content).hexdigest():
            _LOGGER.warning('%s is damaged: the engine is built again.', engine)
            return None
        return content

    def find_or_build(
        self, key: EngineKey, build: Callable[[], bytes], wait_s: float = 3600.0
    ) -> bytes:
        """Return the engine, building it if need be; of several processes only one builds.

        Args:
            key: Which engine.
            build: Makes it; takes minutes.
            wait_s: Longest wait for another process that builds the same engine.

        Raises:
            BackendError: Building failed, the folder cannot be written, or the wait was too long.
        """
        content = self.find(key)
        if content is not None:
            return content
        with self._lock(key, wait_s):
            content = self.find(key)
            if content is None:
                began_s = time.monotonic()
                content = build()
                self._store(key, content, time.monotonic() - began_s)
        return content

    def discard(self, key: EngineKey) -> None:
        """Remove an engine that its library rejected."""
        for path in reversed(self._paths(key)):
            path.unlink(missing_ok=True)

    def _paths(self, key: EngineKey) -> tuple[Path, Path]:
        stem = self.folder / key.digest()
        return stem.with_suffix('.engine'), stem.with_suffix('.json')

    def _store(self, key: EngineKey, content: bytes, build_s: float) -> None:
        """Write the engine and then its sidecar, each whole or not at all."""
        engine, sidecar = self._paths(key)
        facts = {
            'key': asdict(key),
            'bytes': len(content),
            'sha256': hashlib.sha256(content).hexdigest(),
            'build_s': round(build_s, 1),
        }
        try:
            write_own_file(engine, content)
            write_own_file(sidecar, json.dumps(facts, indent=2).encode())
            self._make_room(engine)
        except OSError as error:
            raise BackendError(
                f'{engine}: the engine cannot be stored ({error}); make room, or set '
                'XDG_CACHE_HOME to a folder that can be written.'
            ) from error

    def _make_room(self, newest: Path) -> None:
        """Remove the engines that were not used for longest until the rest fits the limit."""
        engines = [path for path in self.folder.glob('*.engine') if path != newest]
        engines.sort(key=lambda path: path.lstat().st_mtime, reverse=True)
        total = newest.lstat().st_size
        for engine in engines:
            total += engine.lstat().st_size
            if total > self.limit_bytes:
                _LOGGER.info(
                    '%s is removed: the engines exceed %d bytes.', engine, self.limit_bytes
                )
                for path in (engine.with_suffix('.json'), engine):
                    path.unlink(missing_ok=True)

    @contextmanager
    def _lock(self, key: EngineKey, wait_s: float) -> Iterator[None]:
        """Hold a file lock, which the system frees when its process ends, however it ends."""
        end_s = time.monotonic() + wait_s
        path = self.folder / (key.digest() + '.lock')
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            require_own_folder(self.folder)
            stream = open_own_file(path, os.O_WRONLY | os.O_CREAT)
        except OSError as error:
            raise BackendError(f'{path}: cannot be made ({error}).') from error
        with stream:
            while not _try_lock(stream.fileno()):
                if time.monotonic() > end_s:
                    raise BackendError(
                        f'{path}: another process has been building this engine for '
                        f'{wait_s:.0f} s; end it, or build with `mmseg_ros build-engine`.'
                    )
                time.sleep(_POLL_S)
            yield


def graph_sha256(path: Path) -> str:
    """Return the SHA-256 over an ONNX file of a bundle and the files its numbers stand in."""
    beside = (path.with_name(name) for name in (WEIGHTS_FILE, CONSTANTS_FILE))
    digest = hashlib.sha256()
    for file in (path, *(file for file in beside if file.is_file())):
        digest.update(file_sha256(file).encode())
    return digest.hexdigest()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
