"""Folders of the usual kinds become bags on which the verbs work."""

import json

import cv2
import numpy as np
import pytest

from mmseg_ros import cli
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.image_folders import image_folders
from mmseg_ros.bag.kitti_folders import kitti_folders
from mmseg_ros.bag.nuscenes_folders import nuscenes_folders
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.recorded_files import read_payload, write_recording
from mmseg_ros.bag.replay import samples, sensor_topics
from mmseg_ros.bag.stamp_files import stamps_of
from mmseg_ros.core.errors import DatasetError

S = 1_000_000_000
RGB = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)


def cloud(columns, count=240):
    rng = np.random.default_rng(1)
    table = rng.uniform(-40, 40, (count, columns)).astype('<f4')
    table[:, 3] = rng.uniform(0, 1, count)
    if columns > 4:
        table[:, 4] = rng.integers(0, 32, count)
    return table


def write_image(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / 'own'
    for i in range(3):
        write_image(root / 'rgb' / f'{i:03d}.png', RGB + i)
        write_image(root / 'depth' / f'{i:03d}.png', np.full((48, 64), 2500, np.uint16))
        write_image(root / 'labels' / f'{i:03d}.png', np.full((48, 64), 3, np.uint8))
        (root / 'lidar').mkdir(exist_ok=True)
        cloud(4).tofile(root / 'lidar' / f'{i:03d}.bin')
    (root / 'stamps.txt').write_text('\n'.join(f'{1000 + i}.25' for i in range(3)))
    sensors = {
        'rgb': {'frame_id': 'cam', 'camera': {'K': [60.0, 0, 31.5, 0, 60, 23.5, 0, 0, 1]}},
        'lidar': {'frame_id': 'top'},
    }
    for sensor in sensors.values():
        sensor['T_base_sensor'] = np.eye(4).tolist()
    (root / 'calibration.yaml').write_text(json.dumps({'sensors': sensors}))
    return root


def test_a_folder_of_images_becomes_a_bag(folder, tmp_path, capsys):
    out = tmp_path / 'bag'
    assert cli.main(['import', 'images', str(folder), '--out', str(out)]) == 0
    assert '3 rgb' in capsys.readouterr().out
    with BagReader(out) as reader:
        topics = sensor_topics(reader)
        assert list(topics) == ['rgb', 'depth', 'lidar']
        assert reader.topics['/truth/labels'].count == 3
        got = [s for s in samples(reader, topics) if s.modality == 'rgb']
        assert [s.stamp_ns for s in got] == [1000_250_000_000 + i * S for i in range(3)]
        np.testing.assert_array_equal(got[2].payload.pixels, RGB + 2)
        depth = next(s for s in samples(reader, {'depth': topics['depth']}))
        assert (depth.payload.depth_m == 2.5).all()
        points = next(s for s in samples(reader, {'lidar': topics['lidar']})).payload
        np.testing.assert_array_equal(points.xyz(), cloud(4)[:, :3])
        rig = rig_from_bag(reader, topics)
        assert (rig.camera('rgb').width, rig.camera('rgb').K[0, 0]) == (64, 60.0)


def test_a_file_that_cannot_be_read_leaves_no_bag(folder, tmp_path):
    (folder / 'rgb' / '001.png').write_bytes(b'no image')
    with pytest.raises(DatasetError, match=r'001\.png'):
        write_recording(image_folders(folder), tmp_path / 'bag')
    assert not (tmp_path / 'bag').exists()
    with pytest.raises(DatasetError, match='no files of sensors'):
        image_folders(tmp_path / 'own' / 'labels' / '..' / '..')
    (folder / 'stamps.txt').write_text('1\n2\n')
    with pytest.raises(DatasetError, match='2 stamps for 3 files'):
        image_folders(folder)


@pytest.mark.parametrize(
    ('lines', 'stamps_ns'),
    [
        (['1.5', '2'], [1_500_000_000, 2 * S]),
        (['1700000000123456789'] * 2, [1700000000123456789] * 2),
        (['1700000000123456'] * 2, [1700000000123456000] * 2),
        (['b.png 2.0', 'a.png 1.0'], [1 * S, 2 * S]),
        (['2.0,b.png', '1.0,a.png'], [1 * S, 2 * S]),
        (['# head', '2011-09-26 13:02:25.964389445', '2011-09-26 13:02:26'],
         [1317042145964389445, 1317042146000000000]),
    ],
)  # fmt: skip
def test_stamps_in_every_form(tmp_path, lines, stamps_ns):
    (tmp_path / 'stamps.txt').write_text('\n'.join(lines))
    files = [tmp_path / 'a.png', tmp_path / 'b.png']
    assert list(map(stamps_of(files, [tmp_path], 10.0).get, files)) == stamps_ns


def test_stamps_of_names_and_of_a_rate(tmp_path):
    files = [tmp_path / '1700000000123456789.png', tmp_path / '1700000000223456789.pcd.bin']
    assert list(stamps_of(files, [], 10.0).values())[1] == 1700000000223456789
    assert list(stamps_of([tmp_path / '0.png', tmp_path / '1.png'], [], 4.0).values()) == [
        S, S + S // 4,
    ]  # fmt: skip
    (tmp_path / 'times.txt').write_text('soon\n')
    with pytest.raises(DatasetError, match='soon'):
        stamps_of([tmp_path / 'a'], [tmp_path], 1.0)


KITTI = """P2: 60 0 31 2 0 60 23 0 0 0 1 0
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.1 1 0 0 -0.3
"""


def test_kitti_object_frames(tmp_path):
    for name in ('000000', '000001'):
        write_image(tmp_path / 'image_2' / f'{name}.png', RGB)
        for sub in ('velodyne', 'calib'):
            (tmp_path / sub).mkdir(exist_ok=True)
        cloud(4).tofile(tmp_path / 'velodyne' / f'{name}.bin')
        (tmp_path / 'calib' / f'{name}.txt').write_text(KITTI)
    recording = kitti_folders(tmp_path)
    assert [f.modality for f in recording.files].count('lidar') == 2
    (tmp_path / 'calib' / '000001.txt').write_text(KITTI.replace('P2: 60', 'P2: 61'))
    with pytest.raises(DatasetError, match='--frames 000001'):
        kitti_folders(tmp_path)
    one = kitti_folders(tmp_path, ['000001'])
    assert one.rig.camera('rgb').K[0, 0] == 61
    with pytest.raises(DatasetError, match='no frame 7'):
        kitti_folders(tmp_path, ['7'])
    with pytest.raises(DatasetError, match='no folder of KITTI'):
        kitti_folders(tmp_path / 'calib')


def test_kitti_raw_drive(tmp_path):
    drive = tmp_path / 'day' / 'drive'
    for name, suffix in (('image_02', 'png'), ('velodyne_points', 'bin')):
        (drive / name / 'data').mkdir(parents=True)
        (drive / name / 'timestamps.txt').write_text('2011-09-26 13:02:25.500000000\n')
        path = drive / name / 'data' / f'0000000000.{suffix}'
        write_image(path, RGB) if suffix == 'png' else cloud(4).tofile(path)
    with pytest.raises(DatasetError, match='calib_cam_to_cam'):
        kitti_folders(drive)
    (tmp_path / 'day' / 'calib_velo_to_cam.txt').write_text('R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n')
    (tmp_path / 'day' / 'calib_cam_to_cam.txt').write_text(
        'S_rect_02: 64 48\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 60 0 31 4 0 60 23 0 0 0 1 0\n'
    )
    counts = write_recording(kitti_folders(drive), tmp_path / 'bag')
    assert counts == {'rgb': 1, 'lidar': 1}


def test_a_scene_of_nuscenes(tmp_path):
    tables = tmp_path / 'v1.0-mini'
    tables.mkdir()
    write_image(tmp_path / 'samples' / 'a.png', RGB)
    cloud(5).tofile(tmp_path / 'samples' / 'a.pcd.bin')
    quaternion = [1.0, 0, 0, 0]
    K = [[60.0, 0, 31], [0, 60, 23], [0, 0, 1]]
    content = {
        'scene': [{'token': 'sc', 'name': 'scene-1'}],
        'sample': [{'token': 'sa', 'scene_token': 'sc'}],
        'sensor': [{'token': 'c', 'channel': 'CAM_FRONT'}, {'token': 'l', 'channel': 'LIDAR_TOP'}],
        'calibrated_sensor': [
            {'token': 'cc', 'sensor_token': 'c', 'translation': [1, 0, 1.5],
             'rotation': [0.5, -0.5, 0.5, -0.5], 'camera_intrinsic': K},
            {'token': 'cl', 'sensor_token': 'l', 'translation': [1, 0, 2],
             'rotation': quaternion, 'camera_intrinsic': []},
        ],
        'ego_pose': [{'token': 'p0', 'translation': [100, 5, 0], 'rotation': quaternion},
                     {'token': 'p1', 'translation': [101, 5, 0], 'rotation': quaternion}],
        'sample_data': [
            {'sample_token': 'sa', 'calibrated_sensor_token': 'cc', 'ego_pose_token': 'p1',
             'timestamp': 1_500_000, 'filename': 'samples/a.png'},
            {'sample_token': 'sa', 'calibrated_sensor_token': 'cl', 'ego_pose_token': 'p0',
             'timestamp': 1_450_000, 'filename': 'samples/a.pcd.bin'},
        ],
    }  # fmt: skip
    for name, rows in content.items():
        (tables / f'{name}.json').write_text(json.dumps(rows))
    recording = nuscenes_folders(tmp_path)
    assert [T[0, 3] for _, T in recording.poses] == [0.0, 1.0]
    assert write_recording(recording, tmp_path / 'bag') == {'lidar': 1, 'rgb': 1}
    with BagReader(tmp_path / 'bag') as reader:
        rig = rig_from_bag(reader, sensor_topics(reader))
        np.testing.assert_allclose(rig.T('rgb', 'lidar')[:3, 3], [0, -0.5, 0], atol=1e-12)
        points = next(s for s in samples(reader, {'lidar': '/lidar/points'})).payload.points
        assert points.dtype.names[:5] == ('x', 'y', 'z', 'intensity', 'ring')
    with pytest.raises(DatasetError, match='scene-1'):
        nuscenes_folders(tmp_path, 'scene-2')
    (tables / 'sensor.json').write_text('[]')
    with pytest.raises(DatasetError, match='do not fit'):
        nuscenes_folders(tmp_path)


def test_depth_of_floats_and_images_of_16_bits(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([[1.5, 0.0, -1.0]]))
    depth = read_payload('depth', tmp_path / 'a.npy').depth_m
    np.testing.assert_array_equal(depth, np.array([[1.5, np.nan, np.nan]], np.float32))
    write_image(tmp_path / 'b.png', RGB.astype(np.uint16) * 256)
    np.testing.assert_array_equal(read_payload('rgb', tmp_path / 'b.png').pixels, RGB)
