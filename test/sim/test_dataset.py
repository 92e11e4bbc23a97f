import json

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.sim import dataset
from mmseg_ros.sim.dataset import DatasetConfig, plan_scenes, write_dataset


@pytest.fixture(scope='module')
def written(tmp_path_factory, small_rig):
    config = DatasetConfig(
        out=tmp_path_factory.mktemp('deliver'), scenes=1, frames=2, height=48, width=80, seed=1,
        conditions=('fog',), failure_share=0.0, split='val', rig=small_rig, referring=True,
    )  # fmt: skip
    done = list(write_dataset(config))
    return config, done


def test_the_layout_is_that_of_deliver(written):
    config, done = written
    assert [new for _, new in done] == [True]
    files = sorted(config.out.glob('*/fog/val/*/*_front.png'))
    assert {path.parts[-5] for path in files} == {'img', 'hha', 'event', 'lidar', 'semantic'}
    assert {path.name for path in files} == {
        f'{k:06d}_{word}_front.png'
        for k in (0, 1)
        for word in ('rgb', 'depth', 'event', 'lidar', 'semantic')
    }
    for path in files:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == ((48, 80, 4) if 'semantic' in path.name else (48, 80, 3))
        assert pixels.dtype == np.uint8
        assert np.ptp(pixels[..., 2]) > 0
    labels = cv2.imread(str(files[-1]), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(labels[..., 2])) <= set(range(26))
    events = next(path for path in files if '_event_' in path.name)
    assert cv2.imread(str(events))[..., 1].max() == 0


def test_a_second_run_writes_only_what_is_missing(written):
    config, _ = written
    assert [new for _, new in write_dataset(config)] == [False]
    path = next(config.out.glob('semantic/fog/val/*/000001*.png'))
    before = path.read_bytes()
    path.unlink()
    assert [new for _, new in write_dataset(config)] == [True]
    assert path.read_bytes() == before


def test_referring_masks_lie_on_their_class(written):
    config, _ = written
    count = 0
    for path in config.out.glob('referring/fog/val/*/*.json'):
        content = json.loads(path.read_text())
        assert (config.out / content['image']).is_file()
        labels = cv2.imread(
            str(
                config.out
                / content['image'].replace('img/', 'semantic/').replace('_rgb', '_semantic')
            ),
            -1,
        )
        sentences = [entry['sentence'] for entry in content['expressions']]
        assert len(set(sentences)) == len(sentences)
        for entry in content['expressions']:
            mask = cv2.imread(str(path.parent / entry['mask']), cv2.IMREAD_UNCHANGED)
            assert set(np.unique(mask)) <= {0, 255}
            assert set(np.unique(labels[..., 2][mask > 0])) <= {entry['class_id'] + 1}
            count += 1
    assert count > 0


def test_another_size_in_the_same_folder_is_rejected(written):
    config, _ = written
    other = DatasetConfig(out=config.out, scenes=1, frames=1, height=24, width=40)
    with pytest.raises(DatasetError, match='another size'):
        list(write_dataset(other))


def test_plans_share_no_street_between_splits(tmp_path):
    def seeds(split, scenes=40):
        config = DatasetConfig(out=tmp_path, scenes=scenes, frames=1, split=split)
        return {plan.seed for plan in plan_scenes(config)}

    assert not seeds('train') & seeds('val')
    plans = plan_scenes(DatasetConfig(out=tmp_path, scenes=50, frames=1, failure_share=0.5))
    assert {plan.condition for plan in plans} == set(dataset.CONDITIONS)
    for split in dataset.SPLITS:
        assert {p.condition for p in plans if p.split == split} == set(dataset.CONDITIONS)
    assert len({plan.name for plan in plans}) == 50
    assert any(plan.name.endswith('lidarjitter') for plan in plans)


def test_ignored_pixels_become_zero_and_ids_start_at_one():
    labels = np.array([[0, 24], [255, 12]], np.uint8)
    image = dataset.semantic_image(labels, 2, 2)
    np.testing.assert_array_equal(image[..., 2], [[1, 25], [0, 13]])


def test_wrong_settings_are_named(tmp_path):
    with pytest.raises(ConfigError, match='snow'):
        DatasetConfig(out=tmp_path, scenes=1, frames=1, conditions=('snow',))
    with pytest.raises(ConfigError, match='holdout'):
        DatasetConfig(out=tmp_path, scenes=1, frames=1, split='holdout')
    with pytest.raises(ConfigError, match='at least 1'):
        DatasetConfig(out=tmp_path, scenes=0, frames=1)
