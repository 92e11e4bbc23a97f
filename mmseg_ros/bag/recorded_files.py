"""Samples that lie as files in folders, and the bag that they become."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.bag.event_recordings import event_packets, read_event_recording
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import DatasetError, MmsegError
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    DepthData,
    ImageData,
    Modality,
    Payload,
    SensorSample,
    pixel_size,
)
from mmseg_ros.datasets.label_png import read_label_png
from mmseg_ros.projection.cloud_files import read_cloud
from mmseg_ros.projection.extrinsics import Rig

_MM_PER_M = 1000.0


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One sample on disk: its sensor, header stamp and file."""

    modality: Modality
    stamp_ns: int
    path: Path


@dataclass(frozen=True, slots=True)
class FolderRecording:
    """What a folder holds.

    Attributes:
        files: The samples, in any order.
        rig: The calibration, as far as the folder has one.
        labels: Ground truth of the reference camera: (stamp, label image).
        poses: (stamp, 4 x 4 pose of the vehicle).
    """

    files: tuple[RecordedFile, ...]
    rig: Rig
    labels: tuple[tuple[int, Path], ...] = ()
    poses: tuple[tuple[int, NDArray[np.float64]], ...] = ()


def write_recording(
    recording: FolderRecording,
    output: Path,
    columns: int | None = None,
    depth_scale: float = _MM_PER_M,
) -> dict[Modality, int]:
    """Write a bag and return the number of samples per sensor.

    Args:
        recording: What to write.
        output: Folder of the new bag.
        columns: Columns of .bin clouds; None tells them from the values.
        depth_scale: Steps of a 16-bit depth image per meter.

    Raises:
        DatasetError: There is nothing to write.
        MmsegError: A file cannot be read; no bag is left then.
    """
    files = sorted(recording.files, key=lambda item: item.stamp_ns)
    if not files:
        raise DatasetError('The folder holds no sample of a sensor.')
    rig = _sized(recording.rig, files)
    read = partial(read_payload, columns=columns, depth_scale=depth_scale)
    bag = BagWriter(output, compress=True)
    try:
        with bag:
            return _write(bag, recording, files, rig, read)
    except MmsegError:
        shutil.rmtree(output)
        raise


def _write(
    bag: BagWriter,
    recording: FolderRecording,
    files: Sequence[RecordedFile],
    rig: Rig,
    read: Callable[[Modality, Path], Payload],
) -> dict[Modality, int]:
    counts: dict[Modality, int] = {}
    bag.write_calibration(files[0].stamp_ns, rig)
    for stamp_ns, T in recording.poses:
        bag.write_odometry(stamp_ns, T)
    for item in files:
        mount = rig.mounts.get(item.modality)
        frame_id = (mount.frame_id if mount else '') or item.modality
        for stamp_ns, payload in _payloads(item, rig, read):
            bag.write_sample(SensorSample(item.modality, stamp_ns, frame_id, payload))
            counts[item.modality] = counts.get(item.modality, 0) + 1
    _write_labels(bag, recording.labels, rig)
    return counts


def _payloads(
    item: RecordedFile, rig: Rig, read: Callable[[Modality, Path], Payload]
) -> Iterator[tuple[int, Payload]]:
    """Yield stamp and payload of a file's samples: packets of events, else one."""
    if kind_of(item.modality) != EVENT:
        yield item.stamp_ns, read(item.modality, item.path)
        return
    camera = rig.cameras.get(item.modality)
    size = (camera.height, camera.width) if camera else None
    for packet in event_packets(read_event_recording(item.path, item.stamp_ns, size)):
        yield int(packet.stamp_ns[0]), packet


def read_payload(
    modality: Modality, path: Path, columns: int | None = None, depth_scale: float = _MM_PER_M
) -> Payload:
    """Return the payload of one file, by the kind of its sensor.

    Raises:
        MmsegError: The file cannot be read.
    """
    kind = kind_of(modality)
    if kind == LIDAR:
        return read_cloud(path, columns)
    if kind == EVENT:
        return read_event_recording(path)
    if kind == DEPTH:
        return DepthData(_depth_m(path, depth_scale))
    pixels: NDArray[Any] | None = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DatasetError(f'{path} is no image that can be read.')
    if pixels.ndim == 3:
        pixels = pixels[..., 2::-1]
        pixels = pixels if pixels.dtype == np.uint8 else (pixels // 256).astype(np.uint8)
    return ImageData(np.ascontiguousarray(pixels))


def _depth_m(path: Path, depth_scale: float) -> NDArray[np.float32]:
    if path.suffix == '.npy':
        depth = np.load(path, allow_pickle=False)
    else:
        depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if depth is None or depth.ndim != 2:
        raise DatasetError(f'{path} is no depth image: one channel, 16-bit or float, is needed.')
    depth_m: NDArray[np.float32] = depth.astype(np.float32)
    if depth.dtype.kind in 'ui':
        depth_m /= np.float32(depth_scale)
    depth_m[~(depth_m > 0)] = np.nan
    return depth_m


def _sized(rig: Rig, files: Iterable[RecordedFile]) -> Rig:
    """Return the rig where intrinsics that lack the image size have that of the first file."""
    waiting = {name for name, mount in rig.mounts.items() if mount.unsized is not None}
    for item in files:
        if item.modality in waiting:
            waiting.discard(item.modality)
            size = pixel_size(read_payload(item.modality, item.path))
            rig = rig if size is None else rig.with_image_size(item.modality, *size)
    return rig


def _write_labels(bag: BagWriter, labels: Iterable[tuple[int, Path]], rig: Rig) -> None:
    mount = rig.mounts.get(rig.reference)
    frame_id = mount.frame_id if mount else rig.reference
    for stamp_ns, path in labels:
        ids = read_label_png(path)
        if ids.max(initial=0) > 255:
            raise DatasetError(f'{path} holds class numbers above 255, which a bag cannot hold.')
        bag.write_truth_labels(stamp_ns, frame_id, ids.astype(np.uint8))
