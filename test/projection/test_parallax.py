"""Event pixels moved through depth: formulas, borders, and the truth of a simulated street."""

import numpy as np
import pytest

from mmseg_ros.core.types import EVENT, RGB, EventData, Plane
from mmseg_ros.projection import CameraModel, event_plane
from mmseg_ros.projection.depth import depth_plane
from mmseg_ros.projection.footprint import Rotation, pixel_areas
from mmseg_ros.projection.parallax import areas_through_depth
from mmseg_ros.projection.transforms import pose

CAMERA = CameraModel.from_fov(64, 48, 70)
BESIDE = pose([0.2, 0, 0])
WINDOW_NS = (0, 100)


def surface(depth_m):
    values = np.asarray(depth_m, np.float32)
    return Plane(values[..., None], values > 0)


def one_event(x, y):
    columns = np.uint16([x]), np.uint16([y]), np.array([1], np.int64), np.array([True])
    return EventData(*columns, 64, 48)


def landing(plane):
    return [(int(u), int(v)) for v, u in np.argwhere(plane.values[..., 0] > 0)]


def test_an_event_moves_by_the_parallax_of_its_depth():
    flat = surface(np.full((48, 64), 2.0))
    moved = event_plane(one_event(20, 10), BESIDE, CAMERA, CAMERA, WINDOW_NS, flat)
    assert landing(moved) == [(round(20 + 0.2 * CAMERA.K[0, 0] / 2.0), 10)]
    at_infinity = event_plane(one_event(20, 10), BESIDE, CAMERA, CAMERA, WINDOW_NS)
    assert landing(at_infinity) == [(20, 10)]


def test_what_lies_beside_the_depth_image_stays_where_it_is_at_infinity():
    plane = event_plane(
        one_event(60, 10), BESIDE, CAMERA, CAMERA, WINDOW_NS, surface(np.full((48, 64), 1.0))
    )
    assert landing(plane) == [(60, 10)]  # through depth it would be 69, outside
    areas = areas_through_depth(CAMERA, CAMERA, BESIDE, surface(np.full((48, 64), 1.0)))
    assert (areas[10, :53, 0] == np.arange(53) + 9).all()


def test_without_a_measurement_the_homography_at_infinity_stays():
    nothing = surface(np.zeros((48, 64)))
    expected = pixel_areas(CAMERA, CAMERA, Rotation.of(BESIDE))
    np.testing.assert_array_equal(areas_through_depth(CAMERA, CAMERA, BESIDE, nothing), expected)


def test_an_outline_belongs_to_the_nearer_side():
    depth_m = np.full((48, 64), 50.0)
    depth_m[:, 30:40] = 2.0
    # The near strip covers the columns 30 to 39 of the camera, about 4.6 less in the event camera.
    shift_px = 0.2 * CAMERA.K[0, 0] / 2.0
    areas = areas_through_depth(CAMERA, CAMERA, BESIDE, surface(depth_m))
    columns = np.arange(64)
    shifts = areas[20, :, 0] - columns
    near = shifts > 3
    first, last = columns[near][[0, -1]]
    assert first == pytest.approx(30 - shift_px, abs=1.6)
    assert last == pytest.approx(39 - shift_px, abs=1.6)
    assert near.sum() >= 10


@pytest.mark.slow
def test_events_on_near_objects_land_on_these_objects():
    """True instances in the event camera's view against those of the pixels they land on."""
    pytest.importorskip('embreex')
    from mmseg_ros.sim.render.camera import Eye
    from mmseg_ros.sim.sensing.sensors import time_of
    from mmseg_ros.sim.sequence import Drive, DriveConfig

    drive = Drive(80, DriveConfig(frames=4, interval_s=0.5))
    frame = next(drive.frames())
    rig = drive.rig
    source, target, T = rig.camera(EVENT), rig.camera(RGB), rig.T(RGB, EVENT)
    snapshot = drive.world.at(time_of(frame.stamp_ns))
    hits = Eye(source, drive.world, drive.sky).geometry(
        snapshot, frame.T_world_base @ rig.T_base(EVENT)
    )
    instance = hits.instance.reshape(source.height, source.width)
    near = (instance >= 0) & (hits.distance.reshape(instance.shape) < 12)
    outline = near & (
        (np.roll(instance, 1, 1) != instance) | (np.roll(instance, -1, 1) != instance)
    )
    depth = frame.samples['depth'].payload
    plane = depth_plane(depth, rig.camera('depth'), rig.T(RGB, 'depth'), target)

    def share_right(areas, chosen):
        first, last, row = areas[chosen][:, :3].T
        inside = last > first
        found = frame.instances[row[inside], first[inside]]
        return (found == instance[chosen][inside]).mean()

    moved = areas_through_depth(source, target, T, plane)
    at_infinity = pixel_areas(source, target, Rotation.of(T))
    assert near.sum() > 3000
    assert share_right(moved, near) > 0.95 > 0.8 > share_right(at_infinity, near)
    assert share_right(moved, outline) > 0.85 > 0.6 > share_right(at_infinity, outline)
