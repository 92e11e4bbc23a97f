"""The dataclasses that define every runtime parameter: default, unit, range and text.

ROS parameters are declared from these, so a default or a range has no second home. Facts about a
network (modalities, statistics, sizes) are not parameters: they stand in the bundle's manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mmseg_ros.core.aspects import ASPECTS, DEFAULT_ASPECT
from mmseg_ros.core.ground_config import GroundConfig
from mmseg_ros.core.limits import LimitsConfig
from mmseg_ros.core.modalities import AUTO, KINDS
from mmseg_ros.core.model_config import PROMPT_RUNTIMES, ModelConfig
from mmseg_ros.core.parameters import Checked, parameter
from mmseg_ros.core.types import STANDARD_MODALITIES, Modality

EVENT_WINDOW_S = 0.05
"""Length of the event window that ends at the stamp of a frame, unless configured."""


@dataclass(frozen=True, kw_only=True)
class SensorConfig(Checked):
    """One sensor's block: `sensors.<name>.*`."""

    enabled: bool = parameter(True, 'Whether this sensor is subscribed to.', read_only=True)
    kind: str = parameter(
        'auto',
        'What its messages hold; auto takes it from the name, and any other name is an image.',
        choices=(AUTO, *KINDS),
        read_only=True,
    )
    topic: str = parameter(
        '',
        'Topic of its data; empty takes rgb/image_raw, depth/image, event/events, lidar/points or '
        '<name>/image_raw.',
        read_only=True,
    )
    camera_info: str = parameter(
        '',
        'Topic of its CameraInfo; empty takes <name>/camera_info, or camera_info beside `topic`.',
        read_only=True,
    )
    window_s: float = parameter(
        0.06, 'Largest distance of a sample from the reference stamp.', unit='s', low=0.0, high=5.0
    )
    offset_s: float = parameter(
        0.0, 'Added to every stamp of this sensor before matching.', unit='s', low=-1e9, high=1e9
    )
    hold_s: float = parameter(
        -1.0,
        'Age up to which a sample also serves in later frames that have no newer one; -1 is one '
        'of its own periods for LiDAR and depth sensors slower than the reference, else 0.',
        unit='s',
        low=-1.0,
        high=60.0,
    )
    expected_rate_hz: float = parameter(
        0.0, 'Nominal rate; 0 learns it from the stream.', unit='Hz', low=0.0, high=10000.0
    )
    lost_after_s: float = parameter(
        0.5,
        'Silence after which the sensor is lost and no longer waited for.',
        unit='s',
        low=0.01,
        high=60.0,
    )
    reliability: str = parameter(
        'auto',
        'QoS of the subscription; auto adapts to the publisher.',
        choices=('auto', 'reliable', 'best_effort'),
        read_only=True,
    )
    queue_depth: int = parameter(
        5, 'KEEP_LAST depth of the subscription.', low=1, high=10000, read_only=True
    )
    intensity_max: float = parameter(
        0.0,
        'Value that counts as full intensity of a LiDAR; 0 lets its first cloud decide (1, 255, '
        'or what photon counts reach).',
        low=0.0,
        high=1e9,
        read_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class SyncConfig(Checked):
    """How samples become sets: `sync.*`."""

    reference_order: list[str] = parameter(
        ['rgb', 'lidar', 'depth', 'event'], 'Who may name the stamp of a frame, best first.'
    )
    deadline_s: float = parameter(
        0.1,
        'Longest wait of a frame for its missing samples, from its first member.',
        unit='s',
        low=0.0,
        high=10.0,
    )
    min_sensors: int = parameter(1, 'Frames with fewer samples are not emitted.', low=1, high=64)
    offset_limit_s: float = parameter(
        1.0,
        'Clock difference to the other sensors above which a sensor is excluded.',
        unit='s',
        low=0.01,
        high=1e6,
    )
    jump_back_s: float = parameter(
        1.0,
        'Stamps that go back further than this are a restart (bag loop), not a disorder.',
        unit='s',
        low=0.01,
        high=1e6,
    )
    max_age_s: float = parameter(
        0.1,
        'Among frames so much older than the newest, the one with most sensors is processed.',
        unit='s',
        low=0.0,
        high=10.0,
    )
    max_buffered: int = parameter(
        64, 'Samples kept per sensor while they wait for a frame.', low=2, high=100000
    )
    content_checks: bool = parameter(
        True, 'Whether frozen, black, blown-out, empty and flooded samples are rejected.'
    )


@dataclass(frozen=True, kw_only=True)
class CalibrationConfig(Checked):
    """Where the sensors sit: `calibration.*`."""

    file: str = parameter(
        '',
        'Calibration file of any known format, or the YAML that `mmseg_ros inspect` proposes: '
        'poses, intrinsics, topics; what it lacks comes from /tf_static, /tf and CameraInfo.',
        read_only=True,
    )
    intrinsics: str = parameter(
        'auto',
        'Who tells the intrinsics: auto takes those of the file, CameraInfo where it has none.',
        choices=('auto', 'file', 'camera_info'),
        read_only=True,
    )
    depth_registered: bool = parameter(
        False, 'Whether depth images are already in the camera image.', read_only=True
    )
    odometry: str = parameter(
        'odom',
        'Topic of nav_msgs/Odometry, with which points and depth are moved to the time of the '
        'camera image; empty takes the vehicle as standing still.',
        read_only=True,
    )
    event_window_s: float = parameter(
        EVENT_WINDOW_S,
        'Length of the event window that ends at the reference stamp.',
        unit='s',
        low=0.0001,
        high=5.0,
    )


@dataclass(frozen=True, kw_only=True)
class OutputConfig(Checked):
    """What is published: `output.*`."""

    overlay_alpha: float = parameter(
        0.5, 'Weight of the label colors in ~/overlay.', low=0.0, high=1.0
    )
    min_confidence: int = parameter(
        0, 'Pixels with less confidence (0..255) get the ignored id.', low=0, high=255
    )
    field_preset: str = parameter(
        'default',
        'Names of the fields that ~/points adds: label, confidence and rgb (default), class_id '
        'and probability (autoware), or label and rgba (hydra).',
        choices=('default', 'autoware', 'hydra'),
    )
    jpeg_quality: int = parameter(
        95, 'Quality of the JPEG images on <topic>/compressed.', low=1, high=100
    )


@dataclass(frozen=True, kw_only=True)
class ReferringConfig(Checked):
    """How text prompts are answered: `referring.*`."""

    bundle: str = parameter(
        'crossvlt-small-sim',
        'Folder of a bundle for text-prompted segmentation, or the name of one in models/zoo; '
        'loaded at the first expression. A change is handled as one of model.bundle.',
    )
    backend: str = parameter(
        'auto',
        'Inference runtime.',
        choices=('auto', *PROMPT_RUNTIMES),
        read_only=True,
    )
    threads: int = parameter(
        1,
        'CPU threads of the runtime; 0 leaves the choice to it. More answer sooner and take more '
        'time from the labels.',
        low=0,
        high=256,
        read_only=True,
    )
    aspect: str = parameter(
        DEFAULT_ASPECT,
        "What becomes of images of another shape than the network's input; as model.aspect.",
        choices=ASPECTS,
        read_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class DiagnosticsConfig(Checked):
    """What is reported: `diagnostics.*`."""

    rate_hz: float = parameter(
        1.0, 'Rate of /diagnostics.', unit='Hz', low=0.1, high=50.0, read_only=True
    )
    latency_budget_ms: float = parameter(
        500.0,
        'Latency from stamp to publish above which a warning is shown.',
        unit='ms',
        low=0.0,
        high=60000.0,
    )
    misalignment_rate_hz: float = parameter(
        0.2,
        'How often a frame is looked at for how far the extrinsics of LiDAR and depth camera are '
        'off; 0 never looks.',
        unit='Hz',
        low=0.0,
        high=10.0,
        read_only=True,
    )
    misalignment_limit_deg: float = parameter(
        0.5,
        'Angle by which extrinsics may be off before a warning is shown.',
        unit='deg',
        low=0.01,
        high=45.0,
    )
    no_result_s: float = parameter(
        3.0,
        'Time without a result, while sensors deliver and somebody subscribes, after which an '
        'error names the stage that hangs or fails.',
        unit='s',
        low=0.1,
        high=3600.0,
    )


def _default_sensors() -> dict[Modality, SensorConfig]:
    return {name: SensorConfig() for name in STANDARD_MODALITIES}


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """Everything the node can be told."""

    sensors: dict[Modality, SensorConfig] = field(default_factory=_default_sensors)
    sync: SyncConfig = field(default_factory=SyncConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    referring: ReferringConfig = field(default_factory=ReferringConfig)
    diagnostics: DiagnosticsConfig = field(default_factory=DiagnosticsConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)

    @property
    def enabled(self) -> list[Modality]:
        """Return the sensors that are subscribed to."""
        return [name for name, sensor in self.sensors.items() if sensor.enabled]


PARAMETER_BLOCKS: Mapping[str, type[Checked]] = MappingProxyType(
    {
        'sync': SyncConfig,
        'model': ModelConfig,
        'calibration': CalibrationConfig,
        'output': OutputConfig,
        'ground': GroundConfig,
        'referring': ReferringConfig,
        'diagnostics': DiagnosticsConfig,
        'limits': LimitsConfig,
    }
)
"""Name of a block of parameters -> its dataclass; the sensors have one block each besides."""
