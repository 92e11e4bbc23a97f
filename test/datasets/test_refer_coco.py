"""RefCOCO's files, in miniature."""

import json
import pickle

import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.refer_coco import SPLITS, RefCoco, read_references


@pytest.fixture
def root(refcoco):
    return refcoco


@pytest.mark.parametrize(
    ('name', 'split_by'), [(name, by) for name, splits in SPLITS.items() for by in splits]
)
def test_samples_have_image_mask_and_raw_sentences(root, name, split_by):
    data = RefCoco(root, name, split_by, 'train')
    assert len(data) == 2
    first, second = data[0], data[1]
    assert first.sentences == ('Left square!', 'red')
    assert first.image_name == 'COCO_train2014_000000000007.jpg'
    assert first.image[0, 0].tolist() == pytest.approx([255, 0, 0], abs=3)
    expected = np.zeros((20, 30), bool)
    expected[2:10, 4:12] = True
    assert np.array_equal(first.mask, expected)
    assert second.mask.all()


def test_split_is_chosen(root):
    assert [
        s.sentences for s in map(RefCoco(root, 'refcoco', 'unc', 'testA').__getitem__, [0])
    ] == [('all of it',)]


@pytest.mark.parametrize(
    ('names', 'words'),
    [
        (('refclef', 'unc', 'train'), 'unknown data set .*refcocog'),
        (('refcocog', 'unc', 'train'), 'umd or google'),
        (('refcocog', 'google', 'test'), "train, val, not 'test'"),
        (('refcoco', 'unc', 'testC'), 'testA, testB'),
        (('refcoco', 'unc', 'testB'), 'no reference'),
    ],
)
def test_wrong_names_are_rejected(root, names, words):
    with pytest.raises(DatasetError, match=words):
        RefCoco(root, *names)


class Trap:
    ran = False

    def __reduce__(self):
        return (_spring, ())


def _spring():
    Trap.ran = True
    return []


@pytest.mark.parametrize('content', [Trap(), [Trap()], np.float64(1.0), {1, 2}])
def test_pickle_with_anything_but_plain_data_is_rejected(tmp_path, content):
    path = tmp_path / 'refs(unc).p'
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DatasetError, match=r'plain data|list of references'):
        read_references(path)
    assert not Trap.ran


@pytest.mark.parametrize('data', [b'', b'garbage', b'(lp0\n', b'\x80\x02N.'])
def test_damaged_pickle_is_rejected(tmp_path, data):
    path = tmp_path / 'refs(unc).p'
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r'pickle|list of references'):
        read_references(path)


def test_missing_files_are_named(root):
    (root / 'refcoco/instances.json').unlink()
    with pytest.raises(DatasetError, match=r'instances\.json'):
        RefCoco(root, 'refcoco', 'unc', 'train')
    with pytest.raises(DatasetError, match=r'refs\(unc\)\.p'):
        read_references(root / 'refs(unc).p')


def test_missing_annotation_and_other_image_are_named(root):
    path = root / 'refcoco/instances.json'
    instances = json.loads(path.read_text())
    instances['images'][0]['height'] = 21
    path.write_text(json.dumps(instances))
    with pytest.raises(DatasetError, match='expected'):
        RefCoco(root, 'refcoco', 'unc', 'train')[0]
    instances['annotations'] = instances['annotations'][1:]
    path.write_text(json.dumps(instances))
    with pytest.raises(DatasetError, match='lacks 1 annotations, the first is 11'):
        RefCoco(root, 'refcoco', 'unc', 'train')
