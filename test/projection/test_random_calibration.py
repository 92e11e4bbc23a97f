"""Whatever a calibration, a CameraInfo or a transform holds, only the project's errors come."""

import json
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.messages import decode_camera_info
from mmseg_ros.messages.sensor_poses import sensor_poses
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.extrinsics import load_rig

NUMBERS = st.one_of(
    st.floats(-1e4, 1e4), st.sampled_from([0.0, 1.0, float('nan'), float('inf'), 1e308, -1e308])
)
MODELS = st.sampled_from(
    ['', 'plumb_bob', 'radtan', 'rational_polynomial', 'equidistant', 'Pinhole', 'none', 'omni']
)
POINTS = np.random.default_rng(0).uniform(-20, 20, (50, 3))
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def near(values):
    """Return numbers that are mostly those of a real camera, so that some examples get through."""
    return st.tuples(*(st.one_of(st.just(v), st.just(v), st.just(v), NUMBERS) for v in values))


@FEW
@given(
    model=MODELS,
    d=st.lists(st.one_of(st.floats(-2, 2), NUMBERS), max_size=16),
    k=near([500.0, 0, 320, 0, 510, 240, 0, 0, 1]),
    p=near([500.0, 0, 320, 0, 0, 510, 240, 0, 0, 0, 1, 0]),
    r=near([1.0, 0, 0, 0, 1, 0, 0, 0, 1]),
    size=st.tuples(st.sampled_from([640, 0, 1, -3]), st.sampled_from([480, 480, 0])),
    rectified=st.booleans(),
)
def test_any_camera_info(model, d, k, p, r, size, rectified):
    message = SimpleNamespace(
        header=SimpleNamespace(frame_id='c'),
        width=size[0], height=size[1], distortion_model=model, d=d, k=k, r=r, p=p,
        binning_x=0, binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    )  # fmt: skip
    try:
        camera = decode_camera_info(message, rectified)
    except MmsegError:
        return
    uv, valid = camera.project(POINTS)
    assert np.isfinite(uv[valid]).all()
    assert ((uv[valid] >= -0.5) & (uv[valid] < [camera.width, camera.height])).all()


@FEW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(['', 'base_link', '/a', 'b', 'c', 'odom']),
            st.sampled_from(['', '/base_link', 'a', 'b', 'c', 'cam']),
            st.tuples(*[NUMBERS] * 3),
            st.one_of(st.just((0.0, 0.0, 0.0, 1.0)), st.tuples(*[NUMBERS] * 4)),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_transforms(edges):
    tree = FrameTree()
    for parent, child, move, turn, is_static in edges:
        item = SimpleNamespace(
            header=SimpleNamespace(frame_id=parent),
            child_frame_id=child,
            transform=SimpleNamespace(
                translation=SimpleNamespace(**dict(zip('xyz', move, strict=True))),
                rotation=SimpleNamespace(**dict(zip('xyzw', turn, strict=True))),
            ),
        )
        tree.add(SimpleNamespace(transforms=[item]), is_static)
    for frames in (tree, tree.fixed()):
        frames.lines()
        try:
            poses = sensor_poses(frames, {'rgb': 'cam', 'lidar': 'b'}, ['rgb'])
        except MmsegError:
            continue
        assert all(np.isfinite(T[:3, :3]).all() for T in poses.values())


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ['sensors', 'rgb', 'camera', 'K', 'D', 'T_base_sensor', 'cam0', 'results', 'width',
                 'camera_matrix', 'data', 'intrinsics', 'extrinsics', 'translation', 'rotation',
                 'T_lidar_camera', 'k', 'resolution', 'distortion_model', 'height', 'topic']
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@FEW
@given(JSON, st.text(max_size=80))
def test_any_calibration_file(tmp_path_factory, data, text):
    folder = tmp_path_factory.mktemp('c')
    for name, content in (('a.json', json.dumps(data)), ('b.yaml', text), ('c.txt', text)):
        (folder / name).write_text(content)
        with suppress(MmsegError):
            assert load_rig(folder / name, (480, 640)).reference
