import json
import shutil

import pytest

from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.bundle import load_bundle


def test_round_trip(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    again = load_bundle(bundle.path)
    assert again.manifest == bundle.manifest
    assert again.manifest.modality_names == ('rgb', 'lidar')


def _edit(bundle, change) -> None:
    path = bundle.path / 'manifest.json'
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (lambda d: d.pop('modalities'), "'modalities' is missing"),
        (lambda d: d.update(schema_version=99), 'schema_version is 99'),
        (lambda d: d['input'].pop('height'), "'input.height' is missing"),
        (lambda d: d['input'].update(width=0), "'input.width' must be in 1..8192"),
        (lambda d: d['input'].update(width='64'), "'input.width' must be of type int"),
        (lambda d: d['modalities'][0].update(std=[1, 0, 1]), r'modalities\[0\].std'),
        (lambda d: d['modalities'][1].update(mean=[1]), r'modalities\[1\].mean'),
        (lambda d: d['modalities'][1].update(name='rgb'), 'each once'),
        (lambda d: d['label_space']['classes'][0].update(name='House'), 'fingerprint'),
        (lambda d: d.update(precision='fp4'), 'precision'),
        (lambda d: d['files'].pop('model.onnx'), r"does not list 'model\.onnx'"),
        (lambda d: d['files']['model.onnx'].update(bytes=3), 'model.onnx has'),
        (lambda d: d['files']['model.onnx'].update(sha256='0' * 64), 'sha256 of model.onnx'),
        (lambda d: d['files'].update({'../x': {'bytes': 1, 'sha256': ''}}), 'outside the bundle'),
    ],
)
def test_a_manifest_that_does_not_fit_is_rejected_by_field(make_bundle, change, named):
    bundle = make_bundle()
    _edit(bundle, change)
    with pytest.raises(BundleError, match=named):
        load_bundle(bundle.path)


def test_a_damaged_network_is_rejected(make_bundle):
    bundle = make_bundle()
    content = bytearray(bundle.onnx_path.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.onnx_path.write_bytes(content)
    with pytest.raises(BundleError, match=r'model\.onnx.*changed or damaged'):
        load_bundle(bundle.path)


def test_missing_parts_are_named(make_bundle, tmp_path):
    bundle = make_bundle()
    bundle.weights_path.unlink()
    with pytest.raises(BundleError, match=r'model\.safetensors is listed.*missing'):
        load_bundle(bundle.path)
    shutil.rmtree(bundle.path)
    bundle.path.mkdir()
    with pytest.raises(BundleError, match='not a model bundle'):
        load_bundle(bundle.path)
    with pytest.raises(BundleError, match='No model bundle'):
        load_bundle(tmp_path / 'absent')


@pytest.mark.parametrize('content', ['', '[]', '{"schema_version": true}', '\x00'])
def test_a_manifest_that_is_no_json_object_is_rejected(make_bundle, content):
    bundle = make_bundle()
    (bundle.path / 'manifest.json').write_text(content)
    with pytest.raises(BundleError, match=r'manifest\.json'):
        load_bundle(bundle.path)
