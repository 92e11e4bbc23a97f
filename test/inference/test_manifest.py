"""The manifest keeps what it is given, and says which field is wrong."""

from dataclasses import replace

import pytest

from mmseg_ros.core.errors import BundleError
from mmseg_ros.inference.manifest import Manifest


def test_a_value_range_is_kept_and_none_is_not_written(make_bundle):
    manifest = make_bundle(('rgb', 'thermal'), value_ranges={'thermal': (7000.0, 9000.0)}).manifest
    data = manifest.to_dict()
    assert 'value_range' not in data['modalities'][0]
    again = Manifest.from_dict(data, 'here')
    assert [spec.value_range for spec in again.modalities] == [None, (7000.0, 9000.0)]


@pytest.mark.parametrize(
    'limits', [[1.0], [2.0, 1.0], [1.0, 1.0], ['a', 'b'], [0.0, float('inf')], 'x', None]
)
def test_a_wrong_value_range_is_named(make_bundle, limits):
    manifest = make_bundle(('rgb',)).manifest
    data = replace(manifest).to_dict()
    data['modalities'][0]['value_range'] = limits
    with pytest.raises(BundleError, match='value_range'):
        Manifest.from_dict(data, 'here')
