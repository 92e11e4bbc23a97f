from __future__ import annotations

import json

import pytest

from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.referring.bundle import ReferringManifest, load_referring_bundle


def edit(bundle, **changes):
    path = bundle.path / 'manifest.json'
    data = json.loads(path.read_text())
    for name, value in changes.items():
        *parents, last = name.split('__')
        place = data
        for key in parents:
            place = place[key]
        place[last] = value
    path.write_text(json.dumps(data))


def test_a_manifest_survives_its_file(make_referring_bundle):
    manifest = make_referring_bundle().manifest
    assert ReferringManifest.from_dict(manifest.to_dict(), 'copy') == manifest
    assert set(manifest.files) == {
        'text_encoder.onnx',
        'segmenter.onnx',
        'vocab.txt',
        'model.safetensors',
    }


def test_each_loader_rejects_the_other_task(make_referring_bundle, make_bundle):
    with pytest.raises(BundleError, match="is for 'referring', not for 'segmentation'"):
        load_bundle(make_referring_bundle().path)
    with pytest.raises(BundleError, match="is for 'segmentation', not for 'referring'"):
        load_referring_bundle(make_bundle().path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'schema_version': 2}, 'schema_version is 2'),
        ({'input__max_tokens': 0}, "'input.max_tokens' must be in"),
        ({'input__std': [1.0, 0.0, 1.0]}, 'input.std must be positive'),
        ({'input__mean': [1.0]}, "'input.mean' must hold three numbers"),
        ({'precision': 'int3'}, 'int3'),
        ({'files': {}}, "does not list 'text_encoder.onnx'"),
    ],
)
def test_a_wrong_field_is_named(make_referring_bundle, changes, message):
    bundle = make_referring_bundle()
    edit(bundle, **changes)
    with pytest.raises(BundleError, match=message):
        load_referring_bundle(bundle.path)


def test_a_changed_vocabulary_is_rejected(make_referring_bundle):
    bundle = make_referring_bundle()
    text = (bundle.path / 'vocab.txt').read_text()
    (bundle.path / 'vocab.txt').write_text(text.replace('red', 'rad'))
    with pytest.raises(BundleError, match=r'sha256 of vocab\.txt'):
        load_referring_bundle(bundle.path)
