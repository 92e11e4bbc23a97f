"""Parameters and arithmetic beside the published tables."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mmseg_models import create_model
from mmseg_models.encoders import Norms, build_encoder, shared_norm
from mmseg_models.stitchfusion.feature_fusion import FeatureFusion
from mmseg_models.stitchfusion.fusion import AdapterBank

KINDS = ('shared', 'bidirectional', 'unidirectional')
ENCODERS = {
    'mit_b0': 3_319_392,
    'mit_b1': 13_151_424,
    'mit_b2': 24_196_288,
    'mit_b3': 44_072_128,
    'mit_b4': 60_842_688,
    'mit_b5': 81_443_008,
}
# encoder, modalities -> totals with the sum (shared, bidirectional, unidirectional) and with FFM
STITCHFUSION = {
    ('mit_b0', 2): (3756665, 3756665, 3792761, 4394873, 4394873, 4430969),
    ('mit_b0', 3): (3756665, 3828857, 3937145, 4491129, 4563321, 4671609),
    ('mit_b0', 4): (3756665, 3937145, 4153721, 4587385, 4767865, 4984441),
    ('mit_b2', 2): (25929049, 25929049, 26073049, 28384601, 28384601, 28528601),
    ('mit_b2', 3): (25929049, 26217049, 26649049, 28769625, 29057625, 29489625),
    ('mit_b2', 4): (25929049, 26649049, 27513049, 29154649, 29874649, 30738649),
}
ADAPTERS_PER_STAGE = {
    'mit_b0': (2496, 4672, 11200, 17728),
    'mit_b1': (4672, 9024, 22080, 35136),
    'mit_b2': (7008, 18048, 66240, 52704),
    'mit_b3': (7008, 18048, 198720, 52704),
    'mit_b4': (7008, 36096, 298080, 52704),
    'mit_b5': (7008, 27072, 441600, 52704),
}
FFM = {'small': (541952, 638208, 734464, 830720), 'large': (2070528, 2455552, 2840576, 3225600)}
TRAINABLE_WHEN_FROZEN = {
    ('mit_b0', 2): (437273, 1075481),
    ('mit_b0', 4): (617753, 1448473),
    ('mit_b2', 3): (2020761, 4861337),
}
GEMINIFUSION_DELIVER = {
    ('mit_b0', 2): 6785147,
    ('mit_b0', 3): 6803079,
    ('mit_b0', 4): 6809739,
    ('mit_b2', 2): 42134491,
    ('mit_b2', 3): 42170343,
    ('mit_b2', 4): 42183659,
    ('mit_b3', 2): 75603931,
    ('mit_b3', 4): 75653099,
    ('mit_b5', 2): 138261979,
}
GEMINIFUSION_MAIN = {
    'mit_b0': 5863562,
    'mit_b2': 41081834,
    'mit_b3': 74551274,
    'mit_b5': 137209322,
    'swin_tiny': 51950180,
    'swin_small': 92796788,
    'swin_large': 369012926,
    'swin_large_w12': 369215966,
}


def parameters(name, trainable=False, **options):
    with torch.device('meta'):
        model = create_model(name, **options)
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def names(count):
    return tuple('abcd'[:count])


def giga_flops(name, size, **options):
    with torch.device('meta'):
        model = create_model(name, **options).eval()
        images = torch.zeros(1, len(options['modalities']), 3, size, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    return counter.get_total_flops() / 1e9


@pytest.mark.parametrize('name', ENCODERS)
def test_encoder(name):
    norm = shared_norm(1e-5)
    with torch.device('meta'):
        encoder = build_encoder(name, Norms(norm, norm, norm))
    assert sum(p.numel() for p in encoder.parameters()) == ENCODERS[name]


@pytest.mark.parametrize('case', STITCHFUSION)
def test_stitchfusion(case):
    encoder, count = case
    # The two fuse variants differ by the same number for every kind, see `test_feature_fusion`.
    for column, kind, fuse in (
        (0, 'shared', 'sum'),
        (1, 'bidirectional', 'sum'),
        (5, KINDS[2], 'ffm'),
    ):
        counted = parameters(
            'stitchfusion', encoder=encoder, modalities=names(count), adapter=kind, fuse=fuse
        )
        assert counted == STITCHFUSION[case][column]


@pytest.mark.parametrize('encoder', ENCODERS)
def test_stitchfusion_is_the_sum_of_its_parts(encoder):
    whole = parameters('stitchfusion', encoder=encoder, adapter='unidirectional', fuse='ffm')
    head = 401_177 if encoder == 'mit_b0' else 532_249 if encoder == 'mit_b1' else 1_588_761
    ffm = FFM['small' if encoder == 'mit_b0' else 'large'][3]
    adapters = 12 * sum(ADAPTERS_PER_STAGE[encoder])
    assert whole == ENCODERS[encoder] + head + ffm + adapters


@pytest.mark.parametrize('count', [2, 3, 4])
def test_adapters_of_one_site(count):
    def counted(kind):
        bank = AdapterBank(kind, count, dim=32, rank=8, dropout=0.1)
        return sum(p.numel() for p in bank.parameters())

    per_adapter = 17 * 32 + 80
    pairs = count * (count - 1)
    expected = [per_adapter, per_adapter * pairs // 2, per_adapter * pairs]
    assert [counted(kind) for kind in KINDS] == expected


@pytest.mark.parametrize('count', [1, 2, 3, 4])
@pytest.mark.parametrize(
    ('size', 'channels'), [('small', (32, 64, 160, 256)), ('large', (64, 128, 320, 512))]
)
def test_feature_fusion(size, channels, count):
    modules = [FeatureFusion(dim, count) for dim in channels]
    assert sum(p.numel() for m in modules for p in m.parameters()) == FFM[size][count - 1]


def test_stitchfusion_with_adapters_in_late_stages_only():
    kinds = ('none', 'none', 'bidirectional', 'bidirectional')
    assert parameters('stitchfusion', encoder='mit_b2', adapter=kinds) == 26498713


@pytest.mark.parametrize('case', TRAINABLE_WHEN_FROZEN)
def test_frozen_encoder(case):
    encoder, count = case
    counted = tuple(
        parameters(
            'stitchfusion',
            trainable=True,
            encoder=encoder,
            modalities=names(count),
            fuse=fuse,
            freeze_encoder=True,
        )
        for fuse in ('sum', 'ffm')
    )
    assert counted == TRAINABLE_WHEN_FROZEN[case]


@pytest.mark.parametrize('case', GEMINIFUSION_DELIVER)
def test_geminifusion_deliver_branch(case):
    encoder, count = case
    counted = parameters(
        'geminifusion',
        encoder=encoder,
        modalities=names(count),
        decoder_dim=512,
        unused_score_nets=count > 2,
    )
    assert counted == GEMINIFUSION_DELIVER[case]


@pytest.mark.parametrize('encoder', GEMINIFUSION_MAIN)
def test_geminifusion_main_branch(encoder):
    counted = parameters(
        'geminifusion', encoder=encoder, modalities=names(2), decoder_dim=256, num_classes=40
    )
    assert counted == GEMINIFUSION_MAIN[encoder]


# The published decoder applies its widest matrix at the finest resolution; folding it into the
# stage projections saves exactly this much (decoder width 256 and 512 at 512 x 512 pixels).
@pytest.mark.parametrize(
    ('name', 'encoder', 'count', 'published'),
    [
        ('stitchfusion', 'mit_b0', 1, 15.73),
        ('stitchfusion', 'mit_b0', 4, 36.64),
        ('stitchfusion', 'mit_b2', 2, 118.81),
        ('geminifusion', 'mit_b0', 2, 90.00),
        ('geminifusion', 'mit_b2', 4, 206.56),
    ],
)
def test_arithmetic_is_below_the_published(name, encoder, count, published):
    options = {'decoder_dim': 512} if name == 'geminifusion' else {}
    counted = giga_flops(name, 512, encoder=encoder, modalities=names(count), **options)
    assert counted < 0.95 * published


def test_geminifusion_fusion_is_linear_in_pixels():
    def fusion(size):
        options = {'encoder': 'mit_b0', 'modalities': names(2)}
        plain = {**options, 'adapter': 'none'}
        decoders = giga_flops('geminifusion', size, **options)
        return decoders - giga_flops('stitchfusion', size, **plain)

    # Differences, because the decoder also folds its weights once per call.
    small, medium, large = (fusion(size) for size in (64, 128, 256))
    assert (large - medium) / (medium - small) == pytest.approx(4.0, rel=1e-6)
