"""The kind of a sensor decides its topic, message types and encoding, whatever its name."""

import pytest

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.modalities import (
    AUTO,
    DELIVER_FOLDERS,
    IMAGE,
    KINDS,
    kind_of,
    sensor_topic,
    standard_encoding,
)
from mmseg_ros.encoding import ENCODINGS


def test_names_that_are_kinds_and_names_that_are_images():
    assert [kind_of(name) for name in ('rgb', 'depth', 'event', 'lidar')] == list(KINDS)[:4]
    assert kind_of('thermal') == IMAGE
    assert kind_of('lidar_rear', 'lidar') == 'lidar'


@pytest.mark.parametrize(
    ('name', 'kind', 'topic'),
    [
        ('rgb', AUTO, '/rgb/image_raw'),
        ('depth', AUTO, '/depth/image'),
        ('event', AUTO, '/event/events'),
        ('lidar', AUTO, '/lidar/points'),
        ('thermal', AUTO, '/thermal/image_raw'),
        ('lidar_rear', 'lidar', '/lidar_rear/points'),
        ('depth_left', 'depth', '/depth_left/image'),
    ],
)
def test_topics(name, kind, topic):
    assert sensor_topic(name, kind) == topic


def test_facts_fit_the_parameter_and_the_encodings():
    choices = next(f for f in SensorConfig.__dataclass_fields__.values() if f.name == 'kind')
    assert set(choices.metadata['choices']) == {AUTO, *KINDS}
    assert {standard_encoding(kind) for kind in KINDS} <= set(ENCODINGS)
    assert len(set(DELIVER_FOLDERS.values())) == len(DELIVER_FOLDERS) == 4
