import numpy as np
import pytest
import yaml

from mmseg_ros.core.class_map import load_class_map
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import load_label_space


def test_camvid_groups_the_classes_of_the_streets():
    source, mapped = load_label_space(), load_class_map('camvid')
    assert mapped.target.num_classes == 11
    table = mapped.table(source)
    name_of = {source.class_id(n): n for n in source.names}
    found = {name_of[i]: int(table[i]) for i in range(25)}
    names = mapped.target.names
    assert names[found['Bus']] == names[found['Cars']] == 'Car'
    assert names[found['RoadLine']] == names[found['Road']] == 'Road'
    assert names[found['Bridge']] == 'Building'
    assert names[found['TwoWheeler']] == 'Bicyclist'
    assert found['Water'] == found['Static'] == mapped.target.ignore_id
    assert set(range(11)) <= set(found.values())
    assert (table[25:] == mapped.target.ignore_id).all()
    assert table.dtype == np.uint8


@pytest.mark.parametrize(
    ('name', 'source', 'pairs'),
    [
        ('deliver_to_cityscapes', 'deliver', {'Cars': 'car', 'RoadLine': 'road', 'Water': None}),
        ('cityscapes_to_camvid', 'cityscapes', {'rider': 'Bicyclist', 'train': 'Car'}),
        ('cityscapes_to_muses', 'cityscapes', {'sky': 'sky', 'bicycle': 'bicycle'}),
        ('cityscapes_to_fmb', 'cityscapes', {'traffic light': 'Traffic Light', 'rider': None}),
        ('semantickitti_to_cityscapes', 'semantickitti', {'trunk': 'vegetation'}),
        ('nyu_to_sunrgbd', 'nyu', {'television': 'tv', 'otherprop': None}),
    ],
)
def test_shipped_maps_lead_to_the_shipped_space(name, source, pairs):
    mapped, space = load_class_map(name), load_label_space(source)
    target = load_label_space(mapped.target.id)
    assert mapped.target.fingerprint() == target.fingerprint()
    table = mapped.table(space)
    for before, after in pairs.items():
        expected = target.ignore_id if after is None else target.class_id(after)
        assert table[space.class_id(before)] == expected


def _write(tmp_path, **changes):
    data = {
        'id': 'two', 'ignore_id': 255, 'from': 'deliver',
        'classes': [
            {'id': 0, 'name': 'Way', 'color': [1, 2, 3], 'of': ['Road']},
            {'id': 1, 'name': 'Thing', 'color': [4, 5, 6], 'of': ['Cars', 'Bus']},
        ],
    }  # fmt: skip
    path = tmp_path / 'map.yaml'
    path.write_text(yaml.safe_dump({**data, **changes}))
    return path


def test_a_map_of_ones_own_is_read(tmp_path):
    table = load_class_map(str(_write(tmp_path))).table(load_label_space())
    assert (table[6], table[9], table[23], table[0]) == (0, 1, 1, 255)


def test_a_class_mapped_twice_is_named(tmp_path):
    way = {'id': 0, 'name': 'Way', 'color': [1, 2, 3], 'of': ['Road', 'Road']}
    with pytest.raises(ConfigError, match='Road is mapped'):
        load_class_map(str(_write(tmp_path, classes=[way])))


def test_a_class_without_sources_is_named(tmp_path):
    way = {'id': 0, 'name': 'Way', 'color': [1, 2, 3]}
    with pytest.raises(ConfigError, match="'Way' needs `of`"):
        load_class_map(str(_write(tmp_path, classes=[way])))


def test_a_map_from_other_classes_is_rejected(tmp_path):
    mapped = load_class_map(str(_write(tmp_path, **{'from': 'cityscapes'})))
    with pytest.raises(ConfigError, match='cityscapes'):
        mapped.table(load_label_space())


def test_an_unknown_source_class_is_named(tmp_path):
    way = {'id': 0, 'name': 'Way', 'color': [1, 2, 3], 'of': ['Tram']}
    mapped = load_class_map(str(_write(tmp_path, classes=[way])))
    with pytest.raises(ConfigError, match='Tram'):
        mapped.table(load_label_space())


@pytest.mark.parametrize('text', ['', '[1, 2]', 'id: x', '{'])
def test_no_class_map_is_named_with_its_file(tmp_path, text):
    path = tmp_path / 'broken.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match='broken'):
        load_class_map(str(path))


def test_a_missing_map_lists_those_there_are():
    with pytest.raises(ConfigError, match='camvid'):
        load_class_map('nothing_here')
