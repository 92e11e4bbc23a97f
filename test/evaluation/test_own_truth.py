"""Ground truth of one's own: another topic or a folder, with other ids or colors."""

import cv2
import numpy as np
import pytest

from mmseg_ros.bag import builders
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError, ConfigError, DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.evaluation.label_map import load_label_map
from mmseg_ros.evaluation.truth import LabelSource, Truth

SPACE = load_label_space('deliver')
ROAD, CAR = SPACE.names.index('Road'), SPACE.names.index('Cars')
IDS = np.array([[7, 26], [7, 0]], np.uint8)
COLORS = np.array([[[128, 64, 128], [0, 0, 142]], [[128, 64, 128], [1, 2, 3]]], np.uint8)
WANTED = np.array([[ROAD, CAR], [ROAD, SPACE.ignore_id]], np.uint8)


@pytest.fixture
def label_map(tmp_path):
    path = tmp_path / 'map.yaml'
    path.write_text(
        f'ids: {{7: Road, 26: {CAR}, 3: ignore}}\n'
        'colors: {"128,64,128": Road, "#00008e": Cars}\n'
    )  # fmt: skip
    return load_label_map(path, SPACE)


@pytest.fixture
def bag(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        for i in range(3):
            stamp = 1_000_000_000 + i * 100_000_000
            for topic, pixels, encoding in (
                ('/camera/image', COLORS, 'rgb8'),
                ('/gt/ids', IDS, 'mono8'),
                ('/gt/colors', COLORS, 'rgb8'),
            ):
                message = builders.image_message(stamp, 'c', pixels, encoding)
                writer.write(topic, builders.IMAGE, stamp, message)
    return tmp_path / 'bag'


@pytest.mark.parametrize('topic', ['/gt/ids', '/gt/colors'])
def test_labels_of_another_topic(bag, label_map, topic):
    truth = Truth(bag, LabelSource(topic, label_map=label_map))
    np.testing.assert_array_equal(truth.label_image(1_100_000_000), WANTED)
    assert truth.label_image(9_000_000_000) is None
    truth.close()


def test_colors_without_a_map_and_absent_topics_are_named(bag):
    truth = Truth(bag, LabelSource('/gt/colors'))
    with pytest.raises(DatasetError, match='--label-map'):
        truth.label_image(1_100_000_000)
    truth.close()
    with pytest.raises(BagError, match=r'no topic /nowhere.*gt/ids'):
        Truth(bag, LabelSource('/nowhere'))


@pytest.mark.parametrize('form', ['order', 'stamps', 'names'])
def test_labels_of_a_folder(bag, label_map, tmp_path, form):
    folder = tmp_path / 'labels'
    folder.mkdir()
    names = ['a', 'b', 'c']
    stamps = [1_000_000_000 + i * 100_000_000 for i in range(3)]
    if form == 'names':
        names = [f'{stamp + 10**18}' for stamp in stamps]
    for i, name in enumerate(names):
        cv2.imwrite(str(folder / f'{name}.png'), (IDS + 0 if i == 1 else IDS * 0))
    if form == 'stamps':
        lines = [f'{name}.png {stamp / 1e9}' for name, stamp in zip(names, stamps, strict=True)]
        (folder / 'stamps.txt').write_text('\n'.join(lines))
    ids_only = type(label_map)(label_map.ids, {}, SPACE.ignore_id)
    truth = Truth(
        bag, LabelSource(folder=folder, label_map=ids_only, camera_topic='/camera/image')
    )
    at = stamps[1] + (10**18 if form == 'names' else 0)
    np.testing.assert_array_equal(truth.label_image(at), WANTED)
    truth.close()


def test_colors_of_a_folder_and_folders_that_do_not_fit(bag, label_map, tmp_path):
    folder = tmp_path / 'labels'
    folder.mkdir()
    source = LabelSource(folder=folder, label_map=label_map, camera_topic='/camera/image')
    with pytest.raises(DatasetError, match='no label image'):
        Truth(bag, source)
    for name in 'abc':
        cv2.imwrite(str(folder / f'{name}.png'), COLORS[..., ::-1])
    truth = Truth(bag, source)
    np.testing.assert_array_equal(truth.label_image(1_200_000_000), WANTED)
    truth.close()
    (folder / 'c.png').unlink()
    with pytest.raises(DatasetError, match=r'2 label images.*3 camera images.*stamps\.txt'):
        Truth(bag, source)


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('7: Tram', "'Tram' is no class of deliver"),
        ('7: 99', '99 is no class'),
        ('seven: Road', "'seven' is neither"),
        ('"1,2,300": Road', 'neither an id nor a color'),
        ('[1, 2]', 'a label map is lines'),
        ('ids: 3', 'must hold lines'),
        ('{', 'cannot read'),
    ],
)
def test_bad_maps_are_named(tmp_path, text, named):
    (tmp_path / 'map.yaml').write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_label_map(tmp_path / 'map.yaml', SPACE)


def test_a_map_of_the_other_kind_is_named(tmp_path):
    (tmp_path / 'map.yaml').write_text('7: Road')
    ids = load_label_map(tmp_path / 'map.yaml', SPACE)
    with pytest.raises(DatasetError, match='colors:'):
        ids.apply(COLORS, 'x.png')
