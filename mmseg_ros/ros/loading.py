"""What configuring does, in the order of its cost: check everything, then load the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import ConfigError, MmsegError
from mmseg_ros.core.limits import use_limits
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import Backend, create_backend
from mmseg_ros.inference.bundle import MANIFEST_FILE, load_bundle, read_manifest
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.ros.calibration import find_rig
from mmseg_ros.ros.inputs import kinds_of
from mmseg_ros.ros.network import Network
from mmseg_ros.ros.warm_up import load_and_warm_up


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings that were found to fit each other, before anything was loaded.

    Attributes:
        config: All parameters.
        kinds: What each sensor's messages hold.
        rig: What the calibration file holds.
        backend: The runtime, without a network.
        unconnected: Inputs of the network that no enabled sensor feeds.
    """

    config: NodeConfig
    kinds: Mapping[Modality, str]
    rig: Rig
    backend: Backend
    unconnected: tuple[Modality, ...]


def plan(config: NodeConfig) -> Plan:
    """Check all that can be checked in milliseconds.

    Raises:
        MmsegError: Parameters contradict each other, the calibration file or the bundle's manifest
            cannot be used, or the runtime is not installed; says which and what to do.
    """
    use_limits(config.limits)
    rig = find_rig(config.calibration.file)
    unconnected = check_bundle(config)
    model = config.model
    backend = create_backend(
        model.backend, model.threads, model.precision, model.subset_graphs != 'none'
    )
    return Plan(config, kinds_of(config.sensors), rig, backend, unconnected)


def check_bundle(config: NodeConfig) -> tuple[Modality, ...]:
    """Return the inputs of the network that no enabled sensor feeds, from its manifest alone.

    Raises:
        BundleError: There is no such bundle, or its manifest cannot be used.
        ConfigError: No enabled sensor feeds any of its inputs.
    """
    path, data = read_manifest(config.model.bundle)
    return _unconnected(Manifest.from_dict(data, str(path / MANIFEST_FILE)), config)


def load(settings: Plan, is_stopped: Callable[[], bool] = lambda: False) -> Network:
    """Verify the bundle, load it into the backend and run everything once; takes seconds.

    Args:
        settings: What `plan` returned; its backend has the network afterwards, or is closed.
        is_stopped: Whether nobody waits for the network any more.

    Raises:
        MmsegError: The bundle or the network cannot be used, or it was stopped.
    """
    try:
        bundle = load_bundle(settings.config.model.bundle)
        if is_stopped():
            raise MmsegError('Stopped while loading.')
        load_and_warm_up(bundle, settings.backend, settings.kinds)
        if settings.config.model.subset_graphs == 'ahead':
            settings.backend.prepare(settings.config.enabled)
    except BaseException:
        settings.backend.close()
        raise
    return Network(bundle, settings.backend, settings.unconnected)


def _unconnected(manifest: Manifest, config: NodeConfig) -> tuple[Modality, ...]:
    """Return the inputs of the network that no enabled sensor feeds.

    Raises:
        ConfigError: These are all of them.
    """
    enabled = config.enabled
    wanted = manifest.modality_names
    missing = tuple(name for name in wanted if name not in enabled)
    if len(missing) == len(wanted):
        raise ConfigError(
            f'Bundle {manifest.name} takes {", ".join(wanted)}, but the enabled sensors '
            f'are {", ".join(enabled) or "none"}; choose another model.bundle, or name its inputs '
            'in the parameter `sensor_names`.'
        )
    return missing
