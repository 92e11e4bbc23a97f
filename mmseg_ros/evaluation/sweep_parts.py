"""The parts of a sweep: computed one by one, kept on disk, taken up again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.errors import BackendError, MmsegError
from mmseg_ros.core.output_errors import reported
from mmseg_ros.evaluation.stopping import Stopped

Result = dict[str, Any]
Told = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a sweep.

    Attributes:
        name: What tells it from the others.
        compute: Returns its JSON-ready result, told about progress (done, total); None where it
            was stopped before its end.
        weight: About how much longer it takes than one run over the moments.
    """

    name: str
    compute: Callable[[Told], Result | None]
    weight: float = 1.0


class PartStore:
    """Results of parts as files of one folder, each under the key of its run."""

    def __init__(self, folder: Path, key: str, resume: bool) -> None:
        """Open the folder.

        Args:
            folder: Where the results lie.
            key: Of the run; results of another one are not taken.
            resume: Whether results that are there may be taken; otherwise they are removed.
        """
        self._folder = folder
        self._key = key
        if not resume and folder.is_dir():
            with reported(folder):
                shutil.rmtree(folder)

    def load(self, name: str) -> Result | None:
        """Return a result of the same run; None if there is none that can be read."""
        try:
            content = json.loads(self._path(name).read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or content.get('key') != self._key:
            return None
        result = content.get('result')
        return result if isinstance(result, dict) else None

    def save(self, name: str, result: Mapping[str, Any]) -> Result:
        """Keep a result and return it as `load` would.

        Raises:
            OutputError: It cannot be written.
        """
        content = {'key': self._key, 'result': result}
        text = json.dumps(content, sort_keys=True, allow_nan=False) + '\n'
        write_text(self._path(name), text)
        kept: Result = json.loads(text)['result']
        return kept

    def _path(self, name: str) -> Path:
        return self._folder / (re.sub(r'[^A-Za-z0-9.+-]+', '_', name) + '.json')


def run_parts(
    parts: Sequence[Part], store: PartStore, told: Told, stopped: Stopped
) -> dict[str, Result]:
    """Return the results of all parts by name; of fewer where the run was stopped.

    A part that fails costs only itself: its result is `{'fault': why}`.

    Args:
        parts: In the order in which they run.
        store: Keeps what is done.
        told: Called with the work done and the whole, in runs over the moments.
        stopped: Asked whether to end with what there is.

    Raises:
        BackendError: The network failed, which would fail every part.
    """
    results: dict[str, Result] = {}
    todo = [part for part in parts if store.load(part.name) is None]
    done, whole = 0.0, sum(part.weight for part in todo)
    for part in parts:
        if stopped():
            break
        result = store.load(part.name)
        if result is None:
            result = _computed(part, _within(told, done, part.weight, whole))
            if result is None:
                break
            result = store.save(part.name, result)
            done += part.weight
        results[part.name] = result
    return results


def _within(told: Told, before: float, weight: float, whole: float) -> Told:
    """Return what one part tells, as a share of all."""
    return lambda done, total: told(before + weight * min(done / total, 1.0), whole)


def _computed(part: Part, told: Told) -> Result | None:
    try:
        return part.compute(told)
    except BackendError:
        raise
    except MmsegError as error:
        return {'fault': str(error)}
