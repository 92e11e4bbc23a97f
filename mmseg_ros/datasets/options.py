"""How a data set is read, whatever its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Modality

CORRECT, LEGACY = 'correct', 'legacy'
PROTOCOLS = (CORRECT, LEGACY)
STOP, SKIP = 'stop', 'skip'
BAD_FILE_ACTIONS = (STOP, SKIP)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a caller decides.

    Attributes:
        protocol: `correct`; or `legacy`, as a published table was computed (`Reader.legacy`).
        on_bad_file: `stop` raises at a missing or damaged file. `skip` names it, leaves frames
            with missing files out, and hands over a frame without labels for a damaged one.
        encodings: Encoding per modality, for data sets that hold raw sensor data; a modality that
            is not named has its standard encoding.

    Raises:
        ConfigError: Another protocol or action.
    """

    protocol: str = CORRECT
    on_bad_file: str = STOP
    encodings: Mapping[Modality, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, known in (
            ('protocol', self.protocol, PROTOCOLS),
            ('on_bad_file', self.on_bad_file, BAD_FILE_ACTIONS),
        ):
            if value not in known:
                raise ConfigError(
                    f'Expected {name} to be {" or ".join(known)}, but got {value!r}.'
                )

    @property
    def skips(self) -> bool:
        """Return whether bad files are left out."""
        return self.on_bad_file == SKIP


DEFAULT_OPTIONS = ReadOptions()
