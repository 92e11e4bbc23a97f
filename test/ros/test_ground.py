"""`~/ground` over DDS: off by default, a grid around base_link once per scan."""

import numpy as np
import pytest
from nav_msgs.msg import OccupancyGrid
from rclpy.parameter import Parameter

from mmseg_ros.messages import stamp_ns

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')
GROUND = '/mmseg/ground'


def test_a_grid_around_the_vehicle(make_node, sensors, listener):
    node = make_node(
        ground__enabled=True, ground__size_m=20.0, ground__resolution_m=0.5, ground__min_points=1,
        ground__classes=['Building', 'Fence', 'Other'],
    )  # fmt: skip
    listener.listen(OccupancyGrid, GROUND)
    grids = listener.messages[GROUND]
    assert sensors.play_until(ALL, lambda: len(grids) >= 3, 60.0)
    grid = grids[-1]
    assert grid.header.frame_id == 'base_link'
    assert len({stamp_ns(g.header) for g in grids}) == len(grids)
    assert (grid.info.width, grid.info.height, grid.info.resolution) == (40, 40, 0.5)
    assert (grid.info.origin.position.x, grid.info.origin.position.y) == (-10.0, -10.0)
    cells = np.array(grid.data, np.int8).reshape(40, 40)
    # The tiny network knows three classes, and each of them counts as ground here.
    assert set(np.unique(cells)) == {-1, 0}
    _, columns = np.nonzero(cells == 0)
    assert (columns * 0.5 - 10.0 > 0).all(), 'the camera looks ahead'
    node.set_parameters([Parameter('ground.classes', value=['Sky'])])
    assert sensors.play_until(ALL, lambda: 100 in grids[-1].data, 60.0)


def test_it_is_off_by_default(make_node):
    node = make_node()
    assert 'ground' not in ''.join(p.topic_name for p in node.publishers)
