"""What is made worse in a recording before it is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmseg_ros.bag.faults import Fault
from mmseg_ros.core.types import Modality, SensorSample
from mmseg_ros.evaluation.degradations import Degradation
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.transforms import rotation


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Faults of one sensor. Empty, it changes nothing.

    Attributes:
        modality: The sensor.
        schedule: Faults of its messages: lost, late, with a wrong clock.
        degradation: What happens to the content of its samples.
        yaw_deg: How far its extrinsics are turned about the vehicle's upward axis.
        shift_m: How far they are moved to the vehicle's left.
    """

    modality: Modality = ''
    schedule: Sequence[Fault] = ()
    degradation: Degradation | None = None
    yaw_deg: float = 0.0
    shift_m: float = 0.0

    def rig(self, rig: Rig) -> Rig:
        """Return the rig with the error in the sensor's pose; without a pose, as it is."""
        mount = rig.mounts.get(self.modality)
        if mount is None or mount.T_base_sensor is None or not (self.yaw_deg or self.shift_m):
            return rig
        T = mount.T_base_sensor.copy()
        T[:3, :3] = rotation('z', np.deg2rad(self.yaw_deg))[:3, :3] @ T[:3, :3]
        T[1, 3] += self.shift_m
        return replace(rig, mounts={**rig.mounts, self.modality: replace(mount, T_base_sensor=T)})

    def samples(self, stream: Iterable[SensorSample]) -> Iterator[SensorSample]:
        """Yield the samples, those of the sensor degraded."""
        for sample in stream:
            if self.degradation is not None and sample.modality == self.modality:
                yield self.degradation.apply(sample)
            else:
                yield sample
