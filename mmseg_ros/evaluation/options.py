"""How a recording is scored."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ros.bag.sensor_setup import SensorSetup
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.evaluation.disturbance import Disturbance
from mmseg_ros.evaluation.exports import ExportPaths
from mmseg_ros.evaluation.truth import LabelSource


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How a recording is scored.

    Attributes:
        subsets: Which sensors are withheld in turn: `none`, `drops` or `all`.
        every: Score every n-th frame.
        calibration: Calibration file; what it lacks comes from the bag. None uses the bag's.
        sensors: Which topic is which sensor, where the recording does not use the node's names.
        config: Parameters of collector, model and event window, as for the node.
        labels: Where the true label images come from.
        figures: Number of frames to draw for the report.
        moments: Stamps of true label images; only frames of one of them are scored. None takes
            all frames.
        span_ns: First bag stamp that is read, and first one left out; None is open.
        disturbance: What is made worse before it is scored.
        exports: Where the labels are written to.
        looks: At how many frames it is looked for how far the extrinsics are off.
    """

    subsets: str = 'drops'
    every: int = 1
    calibration: Path | None = None
    sensors: SensorSetup = field(default_factory=SensorSetup)
    config: NodeConfig = field(default_factory=NodeConfig)
    labels: LabelSource = field(default_factory=LabelSource)
    figures: int = 3
    moments: frozenset[int] | None = None
    span_ns: tuple[int | None, int | None] = (None, None)
    disturbance: Disturbance = field(default_factory=Disturbance)
    exports: ExportPaths = field(default_factory=ExportPaths)
    looks: int = 24
