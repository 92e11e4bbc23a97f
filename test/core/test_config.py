import dataclasses

import pytest

from mmseg_ros.core import config, parameters
from mmseg_ros.core.errors import ConfigError

BLOCKS = [
    value
    for value in vars(config).values()
    if dataclasses.is_dataclass(value) and any(parameters.parameters_of(value))
]


@pytest.mark.parametrize('block', BLOCKS, ids=lambda block: block.__name__)
def test_every_parameter_has_text_and_a_default_within_its_rule(block):
    for item in parameters.parameters_of(block):
        default = parameters.default_of(item)
        assert item.metadata['text'].endswith('.')
        parameters.check_value(item.name, default, item)
        if isinstance(default, (int, float)) and not isinstance(default, bool):
            assert item.metadata['low'] < item.metadata['high']
        for suffix, unit in (('_s', 's'), ('_hz', 'Hz'), ('_ms', 'ms')):
            if item.name.endswith(suffix):
                assert item.metadata['unit'] == unit


def test_out_of_range_names_parameter_range_and_unit():
    with pytest.raises(ConfigError, match=r'deadline_s must be in \[0.0, 10.0\] s, but is 11'):
        config.SyncConfig(deadline_s=11.0)


def test_wrong_type_and_wrong_choice_are_rejected():
    with pytest.raises(ConfigError, match='of type bool'):
        config.SensorConfig(enabled=1)
    with pytest.raises(ConfigError, match='of type int'):
        config.SyncConfig(min_sensors=True)
    with pytest.raises(ConfigError, match='one of auto, onnxruntime'):
        config.ModelConfig(backend='caffe')


def test_an_integer_may_stand_for_a_float():
    assert config.SyncConfig(deadline_s=1).deadline_s == 1


def test_list_defaults_are_not_shared():
    first, second = config.SyncConfig(), config.SyncConfig()
    first.reference_order.append('thermal')
    assert 'thermal' not in second.reference_order
