"""check-data on text prompts: masks, words and images are counted, every bad one is named."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from mmseg_ros.cli import main


def check(root, *arguments):
    output = root.parent / 'checked'
    status = main(['check-data', str(root), '--output', str(output), *arguments])
    return status, json.loads((output / 'data.json').read_text()), output


@pytest.mark.parametrize('name', ['refcoco', 'refcoco+', 'refcocog'])
def test_the_refcoco_family_is_counted(refcoco, name, capsys):
    status, data, output = check(refcoco / name)
    assert status == 0
    train, val = data['splits'][:2]
    assert (train['objects'], train['prompts'], train['images']) == (2, 3, 2)
    assert train['sizes'] == {'20 x 30': 2}
    # A square of 64 px of 600, and a whole image.
    assert train['masks'] == {
        '0-0.3 % of the image': 0,
        '0.3-1 % of the image': 0,
        '1-3 % of the image': 0,
        '3-10 % of the image': 0,
        '10-100 % of the image': 2,
    }
    assert train['words'] == {'1': 1, '2': 1, '3': 1}
    assert train['statistics']['rgb']['mean'] == pytest.approx([0.5, 0.0, 0.5], abs=0.01)
    assert (val['objects'], val['words']) == (1, {'5': 1})
    assert data['shared_images']['train and val'] == 1
    assert 'train and val have 1 images in common' in capsys.readouterr().out
    pixels = np.asarray(Image.open(output / 'train_0.png'))
    assert pixels[4, 6].tolist() != pixels[15, 20].tolist()
    page = (output / 'index.html').read_text()
    assert 'Left square!' in page
    assert '<img' in page


def test_missing_damaged_and_empty_are_named(refcoco, capsys):
    root = refcoco / 'refcoco'
    images = refcoco / 'images/mscoco/images/train2014'
    first, second = (images / f'COCO_train2014_{i:012d}.jpg' for i in (7, 9))
    first.unlink()
    second.write_bytes(second.read_bytes()[:30])
    table = json.loads((root / 'instances.json').read_text())
    table['annotations'][0]['segmentation'] = []
    (root / 'instances.json').write_text(json.dumps(table))
    status, data, _ = check(root, '--split', 'train')
    assert status == 1
    train = data['splits'][0]
    assert train['missing'] == [str(first)]
    assert [str(second) in line for line in train['damaged']] == [True]
    assert train['empty'] == ["COCO_train2014_000000000007.jpg, 'Left square!'"]
    printed = capsys.readouterr().out
    assert str(first) in printed
    assert str(second) in printed


def test_a_mask_that_does_not_fit_its_image_is_named(refcoco):
    root = refcoco / 'refcoco'
    table = json.loads((root / 'instances.json').read_text())
    table['annotations'][1]['segmentation']['size'] = [30, 20]
    (root / 'instances.json').write_text(json.dumps(table))
    status, data, _ = check(root)
    assert status == 1
    assert 'instances.json: the mask of annotation 21' in data['splits'][0]['damaged'][0]


def test_who_split_it_and_where_images_lie_can_be_told(refcoco):
    moved = refcoco / 'elsewhere'
    (refcoco / 'images/mscoco/images/train2014').rename(moved)
    arguments = ('--split-by', 'google', '--images-in', str(moved))
    status, data, _ = check(refcoco / 'refcocog', *arguments)
    assert status == 0
    assert [split['split'] for split in data['splits']] == ['train', 'val']
    assert check(refcoco / 'refcocog', '--split-by', 'google')[0] == 1


def test_another_pickle_is_not_run(refcoco):
    path = refcoco / 'refcoco/refs(unc).p'
    path.write_bytes(pickle.dumps(np.float64(1.0)))
    status, data, _ = check(refcoco / 'refcoco')
    assert status == 1
    assert 'plain data' in data['splits'][0]['error']


def test_simulated_text_prompts_are_counted_when_asked_for(referring_root, tmp_path):
    output = tmp_path / 'checked'
    arguments = ['--format', 'prompts', '--output', str(output)]
    assert main(['check-data', str(referring_root), *arguments]) == 0
    data = json.loads((output / 'data.json').read_text())
    assert data['splits'][0]['images'] == 6
    assert data['shared_images'] == {}
    assert main(['check-data', str(tmp_path), *arguments]) == 1
