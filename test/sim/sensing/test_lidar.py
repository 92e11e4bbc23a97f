import cv2
import numpy as np
import pytest

from mmseg_ros.core.resources import config_file
from mmseg_ros.projection import depth_plane, load_rig, project_cloud
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import Drive


@pytest.fixture(scope='module')
def fisheye_drive(small_config):
    rig = load_rig(config_file('calibration/fisheye_rig.yaml'))
    for name, size in (('rgb', (144, 240)), ('depth', (96, 160)), ('event', (48, 80))):
        rig = rig.with_camera(name, rig.camera(name).resized(*size))
    drive = Drive(2, small_config(rig=rig, speed_mps=0.0, frames=1))
    return drive, list(drive.frames())


@pytest.mark.parametrize('seen_by', ['still_drive', 'fisheye_drive'])
def test_points_fall_on_pixels_of_their_depth_and_class(seen_by, request):
    drive, frames = request.getfixturevalue(seen_by)
    frame = frames[0]
    cloud = frame.samples['lidar'].payload
    seen = project_cloud(cloud.xyz(), drive.rig.T('rgb', 'lidar'), drive.rig.camera('rgb'))
    depth = np.minimum(frame.true_depth_m, 500.0)
    kernel = np.ones((3, 3), np.uint8)
    # A pixel covers a range of depths: that of its neighborhood, plus the noise of the LiDAR.
    near = cv2.erode(depth, kernel)[seen.v, seen.u] - 0.1
    far = cv2.dilate(depth, kernel)[seen.v, seen.u] + 0.1
    classes = frame.point_labels[seen.index]
    inside = cv2.erode(frame.labels, kernel) == cv2.dilate(frame.labels, kernel)
    # The LiDAR sits elsewhere: what it sees behind an edge, the camera does not see.
    open_view = (classes != 255) & inside[seen.v, seen.u] & (seen.depth_m < far)
    assert open_view.sum() > 1500
    assert (seen.depth_m > near)[open_view].mean() >= 0.99
    assert (classes == frame.labels[seen.v, seen.u])[open_view].mean() >= 0.99


def test_depth_falls_on_pixels_of_its_depth_through_a_fisheye(fisheye_drive):
    """A pinhole depth camera beside it, moved into the equidistant image."""
    drive, (frame,) = fisheye_drive
    rig, payload = drive.rig, frame.samples['depth'].payload
    plane = depth_plane(payload, rig.camera('depth'), rig.T('rgb', 'depth'), rig.camera('rgb'))
    assert rig.camera('rgb').distortion_model == 'equidistant'
    assert 0.1 < plane.valid.mean() < 0.4  # it sees the middle of a much wider view
    assert np.isfinite(rig.camera('rgb').rays).all()
    truth, measured = frame.true_depth_m, plane.values[..., 0]
    kernel = np.ones((3, 3), np.uint8)
    near, far = (
        change(np.minimum(truth, 500.0), kernel) * share
        for change, share in ((cv2.erode, 0.94), (cv2.dilate, 1.06))
    )
    compared = plane.valid & (truth < 25)
    assert compared.sum() > 2000
    assert ((measured > near) & (measured < far))[compared].mean() > 0.95


def test_time_and_ring_belong_to_azimuth_and_elevation(still_drive):
    drive, frames = still_drive
    cloud, model = frames[0].samples['lidar'].payload, drive.config.lidar
    points = cloud.points
    azimuth = np.arctan2(points['y'], points['x'])
    np.testing.assert_allclose(points['time'], -azimuth / (2 * np.pi) * 0.1, atol=2e-4)
    assert np.abs(np.diff(points['time'])).max() < 0.1
    expected = np.linspace(model.low_deg, model.high_deg, model.rings)[points['ring']]
    flat = np.hypot(points['x'], points['y'])
    # Coordinates come in steps of 1 mm.
    elevation = np.rad2deg(np.arctan2(points['z'], flat))
    np.testing.assert_allclose((elevation - expected) * flat, 0, atol=0.06)
    offset_ns = cloud.point_stamp_ns - frames[0].stamp_ns
    np.testing.assert_allclose(offset_ns / 1e9, points['time'], atol=1e-8)
    assert points['intensity'].min() >= 0
    assert points['intensity'].max() <= 255


def test_driving_bends_the_cloud(small_config):
    """A sweep from a moving vehicle is skewed; compensation by the stamps undoes it."""
    lidar = LidarModel(rings=24, columns=360, noise_m=0.0, dropout=0.0)
    drive = Drive(9, small_config(frames=1, lidar=lidar, speed_mps=15.0, theme='downtown'))
    frame = next(drive.frames())
    cloud = frame.samples['lidar'].payload
    poses = drive.scene.ego.pose((cloud.point_stamp_ns - frame.stamp_ns) / 1e9 + 0.06)
    T_base_lidar = drive.rig.T_base('lidar')
    xyz1 = np.column_stack([cloud.xyz(), np.ones(len(cloud.points))])
    in_world = np.einsum('nij,nj->ni', poses @ T_base_lidar, xyz1)
    naive = xyz1 @ (frame.T_world_base @ T_base_lidar).T
    road = frame.point_labels == 6
    moved = np.linalg.norm(in_world - naive, axis=1)
    assert moved.max() > 0.5
    height = in_world[road, 2] - drive.scene.ego.land.height(in_world[road, 0], in_world[road, 1])
    assert np.abs(height).max() < 0.1


def test_rain_and_fog_take_returns_and_add_speckle(small_config):
    counts, noise = {}, {}
    for condition in ('sun', 'rain', 'fog'):
        drive = Drive(2, small_config(frames=1, speed_mps=0.0, condition=condition))
        frame = next(drive.frames())
        far = np.hypot(*(frame.samples['lidar'].payload.points[n] for n in 'xy')) > 40
        counts[condition] = int(far.sum())
        noise[condition] = float((frame.point_labels == 255).mean())
    assert counts['fog'] < 0.7 * counts['sun']
    assert counts['rain'] < counts['sun']
    assert noise['sun'] == 0
    assert noise['fog'] > 0.005
    assert noise['rain'] > 0.002


def test_a_sector_keeps_whole_columns():
    model = LidarModel(columns=360, sector_deg=90)
    assert len(model.azimuths()) == 90
    assert np.abs(np.rad2deg(model.azimuths())).max() <= 45
    assert np.all(np.diff(model.times()) > 0)
