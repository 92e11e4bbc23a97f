"""Writes a ROS 2 bag (MCAP) without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import (
    CompressionFormat,
    CompressionMode,
    StoragePlugin,
    Writer,
    WriterError,
)

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import message_class, typestore
from mmseg_ros.core.atomic_files import atomic_folder, require_absent
from mmseg_ros.core.errors import BagError, MmsegError, OutputError
from mmseg_ros.core.modalities import (
    BASE_FRAME_ID,
    ODOM_TOPIC,
    TF_STATIC_TOPIC,
    TRUTH_LABELS_TOPIC,
    TRUTH_POINTS_TOPIC,
    camera_info_topic,
    sensor_topic,
)
from mmseg_ros.core.output_errors import reason
from mmseg_ros.core.types import CloudData, EventData, Modality, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Rig

_FOREVER = QosTime(2147483647, 4294967295)
_LATCHED = Qos(
    QosHistory.KEEP_LAST,
    100,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    _FOREVER,
    False,
)


_HEAD_BYTES = 8
"""A file of no more holds nothing but the mark of its format."""


@contextmanager
def whole_bag(path: Path | str, compress: bool = False) -> Iterator[BagWriter]:
    """Yield the writer of a bag that appears when the block ends well, else not at all.

    Args: as of `BagWriter`.

    Raises:
        BagError: The folder exists.
        OutputError: The bag cannot be written.
    """
    path = Path(path)
    require_absent(path, BagError)
    with atomic_folder(path) as draft:
        draft.rmdir()  # the writer makes it
        with BagWriter(draft, compress, shown=path) as writer:
            yield writer


class BagWriter:
    """A new bag: a folder with one MCAP file and metadata.yaml.

    Use it as a context manager; it is closed properly when the block fails, so that what was
    written until then stays readable. If the disk itself fails, the MCAP file stays without its
    index for `bag.repair`. For a bag that appears whole or not at all see `whole_bag`.
    """

    def __init__(
        self, path: Path | str, compress: bool = False, shown: Path | str | None = None
    ) -> None:
        """Create the bag.

        Args:
            path: Folder to make; its parents are made too.
            compress: Whether chunks are compressed (zstd, as `ros2 bag record` can); a recorder
                that is short of time leaves them plain.
            shown: What errors call the bag; None calls it `path`.

        Raises:
            BagError: The folder exists.
            OutputError: It cannot be made.
        """
        self.path = Path(path)
        self._shown = self.path if shown is None else shown
        self._messages = 0
        self._connections: dict[str, Connection] = {}
        try:
            self._writer = Writer(
                self.path, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP
            )
            if compress:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        except WriterError as error:
            raise BagError(
                f'{self.path} exists; remove it or choose another output for the bag.'
            ) from error
        except (OSError, ValueError) as error:  # ValueError of a NUL in the name
            raise self._failed(error) from error

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the index and metadata.yaml; no message can be added after it.

        Raises:
            OutputError: The disk cannot take them.
        """
        if self._writer.storage is None:
            return
        try:
            self._writer.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> MmsegError:
        """Close what a failing disk leaves, without empty files, and return what to raise."""
        with suppress(Exception):
            self._writer.abort()
        with suppress(OSError, ValueError):
            for file in self.path.iterdir():
                if file.name.endswith('.tmp') or file.stat().st_size <= _HEAD_BYTES:
                    file.unlink()
            self.path.rmdir()  # stays if it holds something
        why = reason(error) if isinstance(error, OSError) else str(error)
        rescue = (
            f' What was written until then can be rescued with `mmseg_ros repair {self._shown} '
            'OUTPUT`.'
            if self._messages and self.path == Path(self._shown) and self.path.exists()
            else ''
        )
        return OutputError(f'{self._shown} cannot be written: {why}.{rescue}')

    def write_raw(
        self, topic: str, type_name: str, stamp_ns: int, data: bytes, latched: bool = False
    ) -> None:
        """Add one serialised message.

        Args:
            topic: Absolute topic name.
            type_name: As `package/msg/Name`.
            stamp_ns: Time of receipt, the bag's own stamp.
            data: CDR with its 4-byte header.
            latched: Whether late subscribers of a replay shall get it (transient local).

        Raises:
            BagError: The type is not known, or the topic already has another type.
            OutputError: The disk cannot take it; the bag is closed.
        """
        connection = self._connections.get(topic)
        if connection is None:
            message_class(type_name)
            connection = self._writer.add_connection(
                topic,
                type_name,
                typestore=typestore(),
                offered_qos_profiles=[_LATCHED] if latched else [],
            )
            self._connections[topic] = connection
        if connection.msgtype != type_name:
            raise BagError(
                f'Topic {topic} holds {connection.msgtype}; {type_name} cannot be added to it.'
            )
        try:
            self._writer.write(connection, int(stamp_ns), data)
        except OSError as error:
            raise self._failed(error) from error
        self._messages += 1

    def write(
        self, topic: str, type_name: str, stamp_ns: int, message: Any, latched: bool = False
    ) -> None:
        """Serialise and add one message made by `bag.builders`.

        Args: as of `write_raw`, with the message instead of its bytes.
        """
        data = bytes(typestore().serialize_cdr(message, type_name))
        self.write_raw(topic, type_name, stamp_ns, data, latched)

    def write_sample(self, sample: SensorSample) -> None:
        """Add one sensor sample to its modality's topic.

        The bag stamp is the sample's time of receipt; where that is not known its header stamp,
        or the last event of a packet, which cannot have arrived before.
        """
        type_name, message = builders.sample_message(sample)
        self.write(sensor_topic(sample.modality), type_name, _receipt_ns(sample), message)

    def write_camera_info(self, modality: Modality, stamp_ns: int, camera: CameraModel) -> None:
        """Add the intrinsics of one camera-like sensor."""
        message = builders.camera_info_message(stamp_ns, camera)
        self.write(camera_info_topic(modality), builders.CAMERA_INFO, stamp_ns, message)

    def write_calibration(self, stamp_ns: int, rig: Rig) -> None:
        """Add all known extrinsics on /tf_static and one CameraInfo per camera."""
        matrices = {
            mount.frame_id: mount.T_base_sensor
            for mount in rig.mounts.values()
            if mount.T_base_sensor is not None
        }
        message = builders.tf_message(stamp_ns, BASE_FRAME_ID, matrices)
        self.write(TF_STATIC_TOPIC, builders.TF_MESSAGE, stamp_ns, message, latched=True)
        for modality, camera in rig.cameras.items():
            self.write_camera_info(modality, stamp_ns, camera)

    def write_odometry(self, stamp_ns: int, T_odom_base: NDArray[np.float64]) -> None:
        """Add the vehicle's pose, 4 x 4, at a stamp."""
        message = builders.odometry_message(stamp_ns, T_odom_base)
        self.write(ODOM_TOPIC, builders.ODOMETRY, stamp_ns, message)

    def write_truth_labels(self, stamp_ns: int, frame_id: str, labels: NDArray[np.uint8]) -> None:
        """Add the true label image of the reference camera, H x W uint8 class ids."""
        message = builders.image_message(stamp_ns, frame_id, labels, 'mono8')
        self.write(TRUTH_LABELS_TOPIC, builders.IMAGE, stamp_ns, message)

    def write_truth_points(
        self, stamp_ns: int, frame_id: str, cloud: CloudData | NDArray[Any]
    ) -> None:
        """Add a cloud with the field `label` that holds the true class id of each point."""
        message = builders.cloud_message(stamp_ns, frame_id, cloud)
        self.write(TRUTH_POINTS_TOPIC, builders.POINT_CLOUD, stamp_ns, message)


def _receipt_ns(sample: SensorSample) -> int:
    if sample.received_ns is not None:
        return sample.received_ns
    payload = sample.payload
    if isinstance(payload, EventData) and len(payload.stamp_ns):
        return max(sample.stamp_ns, int(payload.stamp_ns[-1]))
    return sample.stamp_ns
