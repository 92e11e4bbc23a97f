import numpy as np

from mmseg_ros.sim.census import Census, count_classes


def test_every_pixel_is_counted_once():
    census = count_classes(1, 2, seed=1, height=24, width=40)
    assert census.frames == 2
    assert census.pixels.sum() == 2 * 24 * 40
    assert census.present.max() == 2
    assert ((census.pixels > 0) == (census.present > 0)).all()


def test_the_table_has_a_line_per_class():
    counts = np.arange(25)
    lines = Census(24, counts, counts).table().splitlines()
    assert len(lines) == 27
    assert lines[-1] == '| 24 | Truck | 8.000 | 100.0 |'
