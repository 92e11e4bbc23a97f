"""A miniature of MUSES: raw sensors whose place in the image is known."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import miniatures
import numpy as np

H, W = 108, 192
"""A tenth of the frame camera's 1080 x 1920."""
K = [[1000.0, 0.0, 960.0], [0.0, 1000.0, 540.0], [0.0, 0.0, 1.0]]
K_EVENT = [[700.0, 0.0, 640.0], [0.0, 700.0, 360.0], [0.0, 0.0, 1.0]]
FORWARD = [[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
"""From x forward, y left, z up into the camera's frame."""
TO_GNSS = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]]
"""From x forward, y left, z up to forward, right, down."""
START_US, END_US = 1_700_000_000_000_000, 1_700_000_000_020_000
MIDDLE_S = (START_US + END_US) / 2e6
SPEED_MM_S = 20_000


def lidar_points() -> np.ndarray:
    """Return N x 6 float64; the first three points are the ones that tests look for.

    0: straight ahead at 20 m, measured in the middle of the exposure. 1: to the left, measured
    50 ms later, when the vehicle was 1 m farther: 9 m ahead then, 10 m in the middle. 2: behind.
    The rest: NaN and points nearer than 1 m.
    """
    rows = [
        [20.0, 0.0, 0.0, 255.0, 1.0, MIDDLE_S],
        [9.0, 2.0, 0.0, 128.0, 2.0, MIDDLE_S + 0.05],
        [-20.0, 1.0, 1.0, 10.0, 3.0, MIDDLE_S],
        [np.nan, 0.0, 0.0, 10.0, 3.0, MIDDLE_S],
        [0.5, 0.1, 0.1, 10.0, 3.0, MIDDLE_S],
    ]
    return np.array(rows, np.float64)


def radar_image() -> np.ndarray:
    """Return 4000 x 400: one echo 30 m straight ahead, and one in an azimuth that is not valid."""
    image = np.zeros((4000, 400), np.uint8)
    seconds = np.frombuffer(np.uint32(int(MIDDLE_S)).tobytes(), np.uint8)
    nanoseconds = np.frombuffer(np.uint32(10_000_000).tobytes(), np.uint8)
    image[0:4], image[4:8] = seconds[:, None], nanoseconds[:, None]
    image[10] = 255
    image[10, 210] = 0
    ahead = 199  # column i looks at 180 - 0.9 (i + 1) degrees
    image[11 + round(30 / 0.0438) - 1, [ahead, 210]] = 200
    image[11 + 5, ahead] = 250  # 26 cm: the vehicle itself
    return image


def event_columns() -> dict[str, np.ndarray]:
    """Return one rise in the middle of the last 30 ms, and one fall that is too old."""
    return {
        'x': np.array([640, 100, 640], np.uint16),
        'y': np.array([360, 100, 500], np.uint16),
        't': np.array([0, 10_000, 60_000], np.uint32),
        'p': np.array([0, 0, 1], np.uint8),
    }


def gnss_line() -> str:
    """Return 28 numbers: 20 m/s straight ahead."""
    values = [0] * 28
    values[23] = SPEED_MM_S
    return ' '.join(map(str, values))


def write_tree(root: Path) -> miniatures.Miniature:
    """Write two training frames and one for validation."""
    extrinsics = {'lidar2rgb': FORWARD, 'radar2rgb': FORWARD, 'lidar2gnss': TO_GNSS}
    extrinsics |= {'event2rgb': np.eye(4).tolist(), 'radar2gnss': TO_GNSS}
    intrinsics = {'rgb': {'K': K}, 'event': {'K': K_EVENT}}
    calibration = {'intrinsics': intrinsics, 'extrinsics': extrinsics}
    miniatures.text(root / 'calib.json', json.dumps(calibration))
    entries = {}
    for split, place, stem in (
        ('train', 'clear/day', 'REC0001_frame_000001'),
        ('train', 'fog/night', 'REC0002_frame_000002'),
        ('val', 'rain/night', 'REC0003_frame_000003'),
    ):
        entries[stem] = write_frame(root, f'{split}/{place}', stem)
    miniatures.text(root / 'meta.json', json.dumps(entries))
    modalities = ('rgb', 'event', 'lidar', 'radar')
    encodings = (('radar', 'range_intensity_height'),)
    return miniatures.Miniature('muses', modalities, 'muses', encodings=encodings)


def write_frame(root: Path, place: str, stem: str) -> dict[str, object]:
    """Write the files of one frame and return its entry in meta.json."""

    def path(folder: str, ending: str) -> Path:
        file = root / folder / place / f'{stem}_{ending}'
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    camera = path('frame_camera', 'frame_camera.png')
    miniatures.write(camera, miniatures.photo(H, W))
    labels = miniatures.classes((0, 18, 255), H, W)
    miniatures.write(path('gt_semantic', 'gt_labelTrainIds.png'), labels)
    lidar_points().tofile(path('lidar', 'lidar.bin'))
    assert cv2.imwrite(str(path('radar', 'radar.png')), radar_image())
    miniatures.events(path('event_camera', 'event_camera.h5'), event_columns())
    gnss = path('gnss', 'gnss.txt')
    gnss.write_text(gnss_line())
    return {
        'path_to_frame_camera': str(camera.relative_to(root)),
        'path_to_gnss': str(gnss.relative_to(root)),
        'frame_camera_exposure_start_timestamp_us': START_US,
        'frame_camera_exposure_end_timestamp_us': str(END_US),
    }
