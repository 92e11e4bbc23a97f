"""Which topic is which sensor: `--sensors NAME=TOPIC ...` or one YAML that verbs and node take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmseg_ros.core.config import NodeConfig, SensorConfig, SyncConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.modalities import (
    AUTO,
    KINDS,
    ODOM_TOPIC,
    TF_STATIC_TOPIC,
    TF_TOPIC,
    camera_info_beside,
    kind_of,
)
from mmseg_ros.core.parameters import parameters_of
from mmseg_ros.core.safe_yaml import load_yaml
from mmseg_ros.core.types import Modality
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.mounts import MOUNT_KEYS

_FILE_SUFFIXES = ('.yaml', '.yml', '.json')
SETTINGS = tuple(item.name for item in parameters_of(SensorConfig))
"""Keys of a sensor in the file that are parameters of the node, `sensors.<name>.*`."""


@dataclass(frozen=True)
class SensorSetup:
    """What a user said about the sensors of a recording.

    Attributes:
        settings: Per sensor the parameters of `SensorConfig` that were given, topic included.
        sync: Parameters of `SyncConfig` that were given.
        rig: Poses and intrinsics of the file; None if it has neither.
    """

    settings: Mapping[Modality, Mapping[str, Any]] = field(default_factory=dict)
    sync: Mapping[str, Any] = field(default_factory=dict)
    rig: Rig | None = None

    @property
    def topics(self) -> dict[Modality, str]:
        """Return the data topics that were given."""
        return self._topics('topic')

    @property
    def infos(self) -> dict[Modality, str]:
        """Return the CameraInfo topics that were given."""
        return self._topics('camera_info')

    def recorded_topics(self) -> list[str]:
        """Return all topics of these sensors, with transforms and odometry; [] without sensors."""
        if not self.topics:
            return []
        infos = [
            self.infos.get(name, camera_info_beside(name, topic))
            for name, topic in self.topics.items()
            if KINDS[kind_of(name, str(self.settings[name].get('kind', AUTO)))].has_camera
        ]
        return [*self.topics.values(), *infos, TF_STATIC_TOPIC, TF_TOPIC, ODOM_TOPIC]

    def _topics(self, key: str) -> dict[Modality, str]:
        return {name: str(item[key]) for name, item in self.settings.items() if item.get(key)}

    def config(self, base: NodeConfig) -> NodeConfig:
        """Return parameters where what was given replaces the values of `base`.

        Raises:
            ConfigError: A value is of another type or out of range.
        """
        sensors = dict(base.sensors)
        for name, given in self.settings.items():
            known = sensors.get(name, SensorConfig())
            sensors[name] = replace(known, **given)
        return replace(base, sensors=sensors, sync=replace(base.sync, **self.sync))


def read_sensor_setup(words: Sequence[str]) -> SensorSetup:
    """Read the words of `--sensors`: NAME=TOPIC, or a YAML file; later words win.

    Raises:
        ConfigError: A word is neither, or the file does not describe sensors.
        CalibrationError: A pose or camera of the file is impossible.
    """
    setup = SensorSetup()
    settings: dict[Modality, dict[str, Any]] = {}
    for word in words:
        name, separator, topic = word.partition('=')
        if separator and name and topic:
            settings.setdefault(name, {})['topic'] = absolute(topic)
        elif word.endswith(_FILE_SUFFIXES) or Path(word).is_file():
            setup = read_setup_file(Path(word))
            for sensor, given in setup.settings.items():
                settings.setdefault(sensor, {}).update(given)
        else:
            raise ConfigError(
                f'--sensors {word!r} must be NAME=TOPIC, as in rgb=/camera/image_raw, or a YAML '
                'file such as `inspect BAG --write FILE.yaml` proposes.'
            )
    return replace(setup, settings=settings)


def read_setup_file(path: Path) -> SensorSetup:
    """Read topics, windows and calibration from one YAML file.

    Raises:
        ConfigError: The file cannot be read or does not describe sensors.
        CalibrationError: A pose or camera is impossible.
    """
    return setup_of(load_yaml(path, ConfigError), str(path))


def setup_of(data: Any, source: str) -> SensorSetup:
    """Return the setup of the content of a file.

    Args:
        data: `sensors` as a mapping, beside `reference` and `sync`; or names with topics alone.
        source: Named in messages.

    Raises:
        ConfigError: It does not describe sensors.
        CalibrationError: A pose or camera is impossible.
    """
    if isinstance(data, Mapping) and data and all(isinstance(v, str) for v in data.values()):
        data = {'sensors': {name: {'topic': topic} for name, topic in data.items()}}
    sensors = data.get('sensors') if isinstance(data, Mapping) else None
    if not isinstance(sensors, Mapping) or not all(
        isinstance(item, Mapping) for item in sensors.values()
    ):
        raise ConfigError(
            f'{source}: describes no sensors; needed is `sensors:` with a block per sensor '
            '(topic, camera_info, window_s, offset_s, frame_id, T_base_sensor, camera), or lines '
            'NAME: TOPIC.'
        )
    settings = {
        str(name): {key: _setting(key, value) for key, value in item.items() if key in SETTINGS}
        for name, item in sensors.items()
    }
    known = {item.name for item in parameters_of(SyncConfig)}
    sync = data.get('sync') or {}
    if not isinstance(sync, Mapping) or set(sync) - known:
        raise ConfigError(f'{source}: sync may hold {", ".join(sorted(known))}, but is {sync!r}.')
    rig = Rig.from_dict(data, source)
    has_rig = any(set(item) & MOUNT_KEYS for item in sensors.values())
    return SensorSetup(settings, dict(sync), rig if has_rig else None)


def absolute(topic: str) -> str:
    """Return a topic with its leading slash."""
    return topic if topic.startswith('/') else f'/{topic}'


def _setting(key: str, value: Any) -> Any:
    if key in ('topic', 'camera_info') and isinstance(value, str) and value:
        return absolute(value)
    return float(value) if key.endswith(('_s', '_hz')) and isinstance(value, int) else value
