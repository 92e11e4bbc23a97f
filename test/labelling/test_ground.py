"""Where the vehicle can drive: free, occupied, unknown, and what counts for nothing."""

import numpy as np
import pytest

from mmseg_ros.labelling.ground import FREE, OCCUPIED, UNKNOWN, drivable_ids, ground_grid

ROAD, CAR, IGNORED = 0, 1, 255
DRIVABLE = np.array([True, False])


def grid(points, labels, **options):
    settings = {'size_m': 8.0, 'resolution_m': 1.0, 'highest_m': 2.5, 'min_points': 2, **options}
    xyz = np.asarray(points, np.float32).reshape(-1, 3)
    return ground_grid(xyz, np.asarray(labels, np.uint8), DRIVABLE, **settings)


def cell(made, x, y):
    column, row = ((v - o) / made.resolution_m for v, o in zip((x, y), made.origin_m, strict=True))
    return int(made.cells[int(row), int(column)])


def test_each_cell_is_what_its_points_say():
    road, car = [2.5, 0.5, 0.0], [-1.5, 3.5, 0.8]
    made = grid([road, car, car], [ROAD, CAR, CAR])
    assert cell(made, 2.5, 0.5) == FREE
    assert cell(made, -1.5, 3.5) == OCCUPIED
    assert (made.cells == UNKNOWN).sum() == 62
    assert made.origin_m == (-4.0, -4.0)
    assert made.cells.shape == (8, 8)


def test_an_obstacle_wins_over_ground_and_one_stray_point_does_not():
    place = [1.5, 1.5, 0.0]
    assert cell(grid([place] * 3, [ROAD, CAR, CAR]), 1.5, 1.5) == OCCUPIED
    assert cell(grid([place] * 3, [ROAD, ROAD, CAR]), 1.5, 1.5) == FREE
    assert cell(grid([place], [CAR]), 1.5, 1.5) == UNKNOWN
    assert cell(grid([place], [CAR], min_points=1), 1.5, 1.5) == OCCUPIED


@pytest.mark.parametrize(
    ('point', 'label'),
    [
        ([1.5, 1.5, 3.0], CAR),  # above
        ([1.5, 1.5, 0.0], IGNORED),
        ([np.nan, 1.5, 0.0], ROAD),
        ([1.5, 1.5, np.inf], CAR),
        ([4.01, 0.0, 0.0], ROAD),  # outside
        ([-4.01, 0.0, 0.0], ROAD),
        ([1e30, 0.0, 0.0], ROAD),
    ],
)
def test_what_counts_for_nothing(point, label):
    assert (grid([point] * 5, [label] * 5).cells == UNKNOWN).all()


def test_no_points_at_all():
    assert (grid([], []).cells == UNKNOWN).all()


def test_names_choose_the_classes(label_space):
    chosen = drivable_ids(label_space, ['Road', 'Terrain', 'no such class'])
    names = [item.name for item in label_space.classes]
    assert [names[i] for i in np.flatnonzero(chosen)] == ['Road', 'Terrain']
