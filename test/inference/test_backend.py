"""The runtimes there are, and the names that the parameters take."""

import pytest

from mmseg_ros.core.config import ReferringConfig
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.model_config import PROMPT_RUNTIMES, RUNTIMES, ModelConfig
from mmseg_ros.inference.backend import _AUTOMATIC, _RUNTIMES


def test_each_runtime_is_a_value_of_the_parameter():
    assert set(RUNTIMES) == set(_RUNTIMES)
    assert set(_AUTOMATIC) < set(_RUNTIMES)
    assert set(PROMPT_RUNTIMES) < set(_RUNTIMES)


@pytest.mark.parametrize('name', ['auto', *_RUNTIMES])
def test_parameters_take_what_can_run(name):
    assert ModelConfig(backend=name).backend == name
    if name in ('auto', *PROMPT_RUNTIMES):
        assert ReferringConfig(backend=name).backend == name
    else:
        with pytest.raises(ConfigError):
            ReferringConfig(backend=name)
