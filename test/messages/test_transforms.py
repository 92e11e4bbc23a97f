"""The tree of frames."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.messages.transforms import FrameTree


def transforms(*items):
    return SimpleNamespace(
        transforms=[
            SimpleNamespace(
                header=SimpleNamespace(frame_id=parent),
                child_frame_id=child,
                transform=SimpleNamespace(
                    translation=SimpleNamespace(x=x, y=0.0, z=0.0),
                    rotation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=w),
                ),
            )
            for parent, child, x, w in items
        ]
    )


def test_chains_meet_at_the_first_frame_they_share():
    tree = FrameTree()
    assert not tree.add(transforms(('map', 'base', 1e7, 1.0)), is_static=False)
    assert not tree.add(transforms(('base', 'mast', 1.0, 1.0), ('/mast', '/top', 2.0, 1.0)))
    assert np.array_equal(tree.T('base', 'top')[:3, 3], [3.0, 0.0, 0.0])
    assert np.array_equal(tree.T('top', 'mast')[:3, 3], [-2.0, 0.0, 0.0])
    assert tree.is_static('base', 'top')
    assert tree.is_static('map', 'top') is False
    assert tree.T('base', 'elsewhere') is None
    assert tree.is_static('base', 'elsewhere') is None
    assert tree.frames() == ['base', 'map', 'mast', 'top']


def test_a_bad_transform_is_left_out_and_named_and_the_others_count():
    tree = FrameTree()
    problems = tree.add(
        transforms(('base', 'a', 0.0, 0.0), ('base', 'b', float('nan'), 1.0), ('base', 'c', 1, 1))
    )
    assert len(problems) == 2
    assert 'base -> a' in problems[0]
    assert 'base -> b' in problems[1]
    assert tree.T('base', 'c')[0, 3] == 1


def test_a_loop_is_named():
    tree = FrameTree()
    tree.add(transforms(('a', 'b', 0.0, 1.0), ('b', 'a', 0.0, 1.0)))
    with pytest.raises(CalibrationError, match='a -> b -> a'):
        tree.T('base', 'a')
