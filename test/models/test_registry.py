"""Models are made by name, with options that are checked and kept."""

import json

import pytest

from mmseg_models import create_model, list_models
from mmseg_ros.core.errors import ConfigError

TINY = {'encoder': 'mit_tiny_test', 'decoder_dim': 16}


def test_known_models():
    assert {'stitchfusion', 'geminifusion'} <= set(list_models())


def test_options_are_complete_and_rebuild_the_model(tiny_encoders):
    model = create_model('stitchfusion', modalities=('rgb', 'lidar'), **TINY)
    options = json.loads(json.dumps(model.options))
    assert options['modalities'] == ['rgb', 'lidar']
    assert options['adapter'] == 'bidirectional'
    copy = create_model('stitchfusion', **options)
    assert copy.options == model.options
    assert [p.shape for p in copy.parameters()] == [p.shape for p in model.parameters()]


@pytest.mark.parametrize(
    ('name', 'options', 'words'),
    [
        ('unet', {}, 'unknown model .*stitchfusion'),
        ('stitchfusion', {'fusion': 'sum'}, 'no option fusion; it has encoder'),
        ('stitchfusion', {'encoder': 'resnet'}, 'unknown encoder .*mit_b0'),
        ('stitchfusion', {'adapter': 'lora'}, 'none, shared'),
        ('stitchfusion', {'adapter': ('shared', 'none')}, 'one per stage'),
        ('stitchfusion', {'fuse': 'max'}, 'sum or ffm'),
        ('stitchfusion', {'source': 'later'}, 'sequential'),
        ('stitchfusion', {'rank': 0}, 'rank >= 1'),
        ('stitchfusion', {'modalities': ()}, 'at least one'),
        ('stitchfusion', {'modalities': ('rgb', 'rgb')}, 'each sensor once'),
        ('stitchfusion', {'num_classes': 0}, 'num_classes'),
        ('stitchfusion', {'drop_path': 1.0}, 'drop_path'),
        ('geminifusion', {'modalities': ('rgb',)}, 'two or more'),
        ('geminifusion', {'decoder': 'both'}, 'shared or separate'),
    ],
)
def test_bad_options_are_named(name, options, words, tiny_encoders):
    with pytest.raises(ConfigError, match=words):
        create_model(name, **{**TINY, **options} if name != 'unet' else {})
