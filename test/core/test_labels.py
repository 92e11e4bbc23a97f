import copy

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace, load_label_space


def test_deliver_has_the_published_classes(label_space):
    assert label_space.num_classes == 25
    assert label_space.names[:4] == ('Building', 'Fence', 'Other', 'Pedestrian')
    assert label_space.class_id('Truck') == 24
    palette = label_space.palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert tuple(palette[6]) == (128, 64, 128)
    assert not palette[label_space.ignore_id].any()


def test_round_trip_keeps_the_fingerprint(label_space):
    again = LabelSpace.from_dict(label_space.to_dict())
    assert again == label_space
    assert again.fingerprint() == label_space.fingerprint()


def test_fingerprint_follows_meaning_but_not_color(label_space):
    data = label_space.to_dict()
    recolored = copy.deepcopy(data)
    recolored['classes'][0]['color'] = [1, 2, 3]
    renamed = copy.deepcopy(data)
    renamed['classes'][0]['name'] = 'House'
    assert LabelSpace.from_dict(recolored).fingerprint() == label_space.fingerprint()
    assert LabelSpace.from_dict(renamed).fingerprint() != label_space.fingerprint()


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (lambda d: d['classes'].pop(3), 'in order'),
        (lambda d: d['classes'][1].update(name='Building'), 'names must differ'),
        (lambda d: d.update(ignore_id=3), 'Pedestrian'),
        (lambda d: d['classes'][2].update(color=[0, 0, 256]), '0..255'),
        (lambda d: d['classes'][2].update(color=[0, 0]), 'not a label space'),
        (lambda d: d.pop('ignore_id'), 'ignore_id'),
    ],
)
def test_inconsistent_label_spaces_are_rejected_with_the_reason(label_space, change, named):
    data = copy.deepcopy(label_space.to_dict())
    change(data)
    with pytest.raises(ConfigError, match=named):
        LabelSpace.from_dict(data)


def test_unknown_class_lists_the_names(label_space):
    with pytest.raises(ConfigError, match='TrafficLight'):
        label_space.class_id('Tram')


def test_reads_a_file_of_the_user(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(
        'id: mine\nignore_id: 9\nclasses: [{id: 0, name: a, color: [1, 2, 3], group: g}]'
    )
    assert load_label_space(str(path)).names == ('a',)
    path.write_text('a: [')
    with pytest.raises(ConfigError, match=r'mine\.yaml'):
        load_label_space(str(path))


def test_unknown_name_lists_the_files():
    with pytest.raises(ConfigError, match=r'label_spaces/deliver\.yaml'):
        load_label_space('atlantis')


SPACES = {
    'camvid': 11,
    'cityscapes': 19,
    'deliver': 25,
    'fmb': 14,
    'mcubes': 20,
    'mfnet': 9,
    'muses': 19,
    'nyu': 40,
    'pst900': 5,
    'rellis': 19,
    'semantickitti': 19,
    'sunrgbd': 37,
}


@pytest.mark.parametrize('name', SPACES)
def test_shipped_label_spaces_can_be_told_apart(name):
    space = load_label_space(name)
    assert space.id == name
    assert space.num_classes == SPACES[name]
    assert len({label.color for label in space.classes}) == space.num_classes
    assert all(label.group for label in space.classes)


def test_a_bare_file_name_is_the_own_file_or_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_label_space('cityscapes.yaml').names[0] == 'road'
    (tmp_path / 'cityscapes.yaml').write_text(
        'id: mine\nignore_id: 9\nclasses: [{id: 0, name: a, color: [1, 2, 3], group: g}]'
    )
    assert load_label_space('cityscapes.yaml').id == 'mine'
