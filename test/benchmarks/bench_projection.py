"""Geometry kernels beside other ways to do the same: `python test/benchmarks/bench_projection.py`.

Times are minima of several repetitions in milliseconds. Peers that are not installed are named so.
Each peer is checked to give the same image before it is timed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_ros.benchmark.machine import describe_machine
from mmseg_ros.core.types import EventData, Plane
from mmseg_ros.encoding import EncodingContext, encode
from mmseg_ros.projection import CameraModel, load_rig, project_cloud
from mmseg_ros.projection.event_tensors import voxel_grid
from mmseg_ros.projection.transforms import transform_points

WINDOW_NS = (0, 50_000_000)
PEERS = ('event-voxel-builder', 'tonic', 'evlib')
T_CAMERA_LIDAR = np.array([[0, -1.0, 0, 0.05], [0, 0, -1, -0.4], [1, 0, 0, -0.4], [0, 0, 0, 1]])


def best_ms(function: Callable[[], Any], repetitions: int) -> float:
    """Return the shortest duration of a call, after one call that does not count."""
    function()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def cloud(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    azimuth, height = rng.uniform(-np.pi, np.pi, n), rng.uniform(-1.9, 4, n)
    distance = rng.uniform(3, 80, n)
    return np.stack([distance * np.cos(azimuth), distance * np.sin(azimuth), height], 1).astype(
        'f4'
    )


def pixels(xyz: np.ndarray, camera: CameraModel) -> tuple[np.ndarray, np.ndarray]:
    """Return (flat pixel, depth) of the points inside the image, in NumPy."""
    p = xyz @ T_CAMERA_LIDAR[:3, :3].T.astype('f4') + T_CAMERA_LIDAR[:3, 3].astype('f4')
    p = p[p[:, 2] > 0.1]
    u = np.floor(p[:, 0] / p[:, 2] * np.float32(camera.K[0, 0]) + np.float32(camera.K[0, 2] + 0.5))
    v = np.floor(p[:, 1] / p[:, 2] * np.float32(camera.K[1, 1]) + np.float32(camera.K[1, 2] + 0.5))
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    return (v[inside] * camera.width + u[inside]).astype(np.int64), p[inside, 2]


def by_minimum_at(xyz: np.ndarray, camera: CameraModel) -> np.ndarray:
    at, z = pixels(xyz, camera)
    image = np.full(camera.height * camera.width, np.inf, np.float32)
    np.minimum.at(image, at, z)
    return image


def by_sort(xyz: np.ndarray, camera: CameraModel) -> np.ndarray:
    at, z = pixels(xyz, camera)
    image = np.full(camera.height * camera.width, np.inf, np.float32)
    order = np.argsort(-z)
    image[at[order]] = z[order]
    return image


def by_opencv_and_sort(xyz: np.ndarray, camera: CameraModel) -> np.ndarray:
    front = xyz[transform_points(T_CAMERA_LIDAR, xyz)[:, 2] > 0.1].astype(np.float64)
    turn, move = cv2.Rodrigues(T_CAMERA_LIDAR[:3, :3])[0], T_CAMERA_LIDAR[:3, 3]
    uv = np.floor(cv2.projectPoints(front, turn, move, camera.K, None)[0][:, 0] + 0.5)
    z = transform_points(T_CAMERA_LIDAR, front)[:, 2].astype(np.float32)
    inside = ((uv >= 0) & (uv < [camera.width, camera.height])).all(axis=1)
    at = (uv[inside, 1] * camera.width + uv[inside, 0]).astype(np.int64)
    image = np.full(camera.height * camera.width, np.inf, np.float32)
    order = np.argsort(-z[inside])
    image[at[order]] = z[inside][order]
    return image


def by_torch(torch: Any, xyz: Any, camera: CameraModel) -> Any:
    R, t = (
        torch.from_numpy(T_CAMERA_LIDAR[:3, :3]).float(),
        torch.from_numpy(T_CAMERA_LIDAR[:3, 3]),
    )
    p = xyz @ R.T + t.float()
    p = p[p[:, 2] > 0.1]
    u = torch.floor(p[:, 0] / p[:, 2] * float(camera.K[0, 0]) + float(camera.K[0, 2]) + 0.5)
    v = torch.floor(p[:, 1] / p[:, 2] * float(camera.K[1, 1]) + float(camera.K[1, 2]) + 0.5)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    at = (v[inside] * camera.width + u[inside]).long()
    image = torch.full((camera.height * camera.width,), float('inf'))
    return image.scatter_reduce_(0, at, p[inside, 2], 'amin')


def events(n: int) -> EventData:
    rng = np.random.default_rng(1)
    return EventData(
        rng.integers(0, 640, n).astype(np.uint16), rng.integers(0, 480, n).astype(np.uint16),
        np.sort(rng.integers(*WINDOW_NS, n)), rng.random(n) > 0.5, 640, 480,
    )  # fmt: skip


def voxels_by_add_at(packet: EventData, bins: int = 5) -> np.ndarray:
    moment = packet.stamp_ns * ((bins - 1) / WINDOW_NS[1])
    low = moment.astype(np.int64)
    late = (moment - low).astype(np.float32)
    sign = np.where(packet.polarity, np.float32(1), np.float32(-1))
    at = (low * 480 + packet.y) * 640 + packet.x
    grid = np.zeros(bins * 480 * 640, np.float32)
    np.add.at(grid, at, sign * (1 - late))
    np.add.at(grid, at + 480 * 640, sign * late)
    return grid.reshape(bins, 480, 640)


def voxels_by_torch(torch: Any, packet: EventData, bins: int = 5) -> Any:
    moment = torch.from_numpy(packet.stamp_ns) * ((bins - 1) / WINDOW_NS[1])
    low = moment.long()
    late = (moment - low).float()
    sign = torch.from_numpy(packet.polarity).float() * 2 - 1
    y, x = (torch.from_numpy(a.astype(np.int64)) for a in (packet.y, packet.x))
    at = (low * 480 + y) * 640 + x
    grid = torch.zeros(bins * 480 * 640)
    return grid.index_add_(0, at, sign * (1 - late)).index_add_(0, at + 480 * 640, sign * late)


def packaged_voxels(packet: EventData, bins: int = 5) -> dict[str, Callable[[], Any]]:
    """Return what each installed package needs for a call, its own input made beforehand.

    Their grids are not compared with ours: each scales time in its own way.
    """
    calls: dict[str, Callable[[], Any]] = {}
    times_us = packet.stamp_ns // 1000
    sign = packet.polarity.astype(np.int8) * np.int8(2) - np.int8(1)
    if builder := peer('event_voxel_builder'):
        columns = times_us.astype(np.uint64), packet.y, packet.x, sign
        make = builder.EventVoxelBuilder(bins, 480, 640, WINDOW_NS[1] // 1000 // (bins - 1)).build
        calls['event-voxel-builder'] = lambda: make(*columns)
    if tonic := peer('tonic.functional'):
        dtype = [('x', '<u2'), ('y', '<u2'), ('t', '<i8'), ('p', 'i1')]
        rows = np.empty(len(times_us), dtype)
        rows['x'], rows['y'], rows['t'], rows['p'] = packet.x, packet.y, times_us, sign
        calls['tonic'] = lambda: tonic.to_voxel_grid_numpy(rows, (640, 480, 2), bins)
    evlib, polars = peer('evlib.representations'), peer('polars')
    if evlib and polars:
        table = {'t': times_us, 'x': packet.x, 'y': packet.y, 'polarity': sign}
        frame = polars.DataFrame(table).with_columns(polars.col('t').cast(polars.Duration('us')))
        calls['evlib'] = lambda: evlib.create_voxel_grid(frame, 480, 640, bins)
    return calls


def peer(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def measure(repetitions: int) -> dict[str, float | str]:
    """Return milliseconds by name, or why there are none."""
    results: dict[str, float | str] = {}
    camera, torch = CameraModel.from_fov(1280, 720, 70), peer('torch')
    xyz = cloud(130_000)
    reference = by_sort(xyz, camera)
    for name, function in (('minimum.at', by_minimum_at), ('OpenCV + sort', by_opencv_and_sort)):
        differs = np.mean(function(xyz, camera) != reference)
        if differs > 1e-2:
            raise RuntimeError(f'{name} gives another image ({differs:.4f} of the pixels)')
    key = 'lidar 130k -> 1280x720, '
    results[key + 'mmseg_ros'] = best_ms(
        lambda: project_cloud(xyz, T_CAMERA_LIDAR, camera), repetitions
    )
    results[key + 'numpy sort'] = best_ms(lambda: by_sort(xyz, camera), repetitions)
    results[key + 'numpy minimum.at'] = best_ms(lambda: by_minimum_at(xyz, camera), repetitions)
    results[key + 'OpenCV + sort'] = best_ms(lambda: by_opencv_and_sort(xyz, camera), repetitions)
    if torch:
        tensor = torch.from_numpy(xyz)
        run = lambda: by_torch(torch, tensor, camera)  # noqa: E731
        results[key + 'torch scatter_reduce'] = best_ms(run, repetitions)
    key, packet = 'voxels 1M -> 5x480x640, ', events(1_000_000)
    grid = np.zeros((5, 480, 640), np.float32)
    if not np.allclose(voxel_grid(packet, 5, WINDOW_NS), voxels_by_add_at(packet), atol=1e-3):
        raise RuntimeError('np.add.at gives another voxel grid')
    results[key + 'mmseg_ros'] = best_ms(
        lambda: voxel_grid(packet, 5, WINDOW_NS, out=grid), repetitions
    )
    results[key + 'numpy add.at'] = best_ms(lambda: voxels_by_add_at(packet), repetitions)
    if torch:
        results[key + 'torch index_add'] = best_ms(
            lambda: voxels_by_torch(torch, packet), repetitions
        )
    packaged = packaged_voxels(packet)
    for name in PEERS:
        call = packaged.get(name)
        results[key + name] = best_ms(call, repetitions // 3) if call else 'not installed'
    results.update(encodings(repetitions))
    results.update(growth(camera, repetitions))
    return results


def encodings(repetitions: int) -> dict[str, float | str]:
    camera = CameraModel.from_fov(640, 480, 70)
    context = EncodingContext(camera, load_rig().T_base('rgb'))
    depth = np.random.default_rng(2).uniform(2, 40, (480, 640, 1)).astype(np.float32)
    smooth = cv2.GaussianBlur(depth, (31, 31), 8)[..., None]
    plane = Plane(smooth, np.ones((480, 640), bool))
    return {'hha 640x480, mmseg_ros': best_ms(lambda: encode('hha', plane, context), repetitions)}


def growth(camera: CameraModel, repetitions: int) -> dict[str, float | str]:
    results: dict[str, float | str] = {}
    for n in (32_500, 65_000, 130_000, 260_000, 520_000):
        xyz = cloud(n)
        name = f'growth: lidar {n} points'
        results[name] = best_ms(
            lambda c=xyz: project_cloud(c, T_CAMERA_LIDAR, camera), repetitions
        )
    for n in (250_000, 500_000, 1_000_000, 2_000_000):
        packet, grid = events(n), np.zeros((5, 480, 640), np.float32)
        run = lambda p=packet, g=grid: voxel_grid(p, 5, WINDOW_NS, out=g)  # noqa: E731
        results[f'growth: voxels {n} events'] = best_ms(run, repetitions)
    return results


def versions() -> dict[str, str]:
    """Return the versions of what was compared."""
    names = ('numpy', 'numba', 'opencv-python-headless', 'torch', *PEERS)
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--repetitions', type=int, default=30)
    parser.add_argument('--peers', help='folder with more packages to compare with')
    parser.add_argument('--json', type=Path, help='write the table as JSON too')
    args = parser.parse_args()
    if args.peers:
        # Behind our own packages: the peers bring others of the same name.
        sys.path.append(args.peers)
    results = measure(args.repetitions)
    for name, value in results.items():
        text = value if isinstance(value, str) else f'{value:8.2f} ms'
        sys.stdout.write(f'{name:52s} {text}\n')
    if args.json:
        created = datetime.now(timezone.utc).isoformat(timespec='seconds')
        report = {
            'created': created,
            'machine': describe_machine(),
            'versions': versions(),
            'ms': results,
        }
        args.json.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    main()
