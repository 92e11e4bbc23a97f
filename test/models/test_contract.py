"""What every registered model promises, checked on all of them."""

import itertools
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from mmseg_models import create_model, list_models
from mmseg_ros.core.errors import ConfigError

MODALITIES = ('rgb', 'depth', 'lidar')
NUM_CLASSES = 5
SIZE = 64
SUBSETS = [s for s in itertools.product((True, False), repeat=len(MODALITIES)) if any(s)]
MIT = {'encoder': 'mit_tiny_test', 'decoder_dim': 16}
SWIN = {'encoder': 'swin_tiny_test', 'decoder_dim': 16}
HIERA = {'encoder': 'hiera_tiny_test', 'rank': 4}
LITE = {'encoder': 'efficientnet_lite_tiny_test', 'decoder_dim': 16}
CASES = {
    'stitchfusion-shared': ('stitchfusion', {**MIT, 'adapter': 'shared'}),
    'stitchfusion-ffm': (
        'stitchfusion',
        {**MIT, 'adapter': 'unidirectional', 'fuse': 'ffm', 'source': 'simultaneous'},
    ),
    'stitchfusion-swin': (
        'stitchfusion',
        {**SWIN, 'adapter': 'bidirectional'},
    ),
    'stitchfusion-lite': (
        'stitchfusion',
        {**LITE, 'adapter': ('none', 'none', 'shared', 'shared'), 'source': 'simultaneous'},
    ),
    'stitchfusion-lite-pairs': (
        'stitchfusion',
        {**LITE, 'adapter': 'bidirectional', 'decoder': 'segformer'},
    ),
    'geminifusion': ('geminifusion', MIT),
    'geminifusion-lite': ('geminifusion', LITE),
    'geminifusion-separate': ('geminifusion', {**MIT, 'decoder': 'separate'}),
    'geminifusion-swin': ('geminifusion', SWIN),
    'mle-sam': ('mle_sam', HIERA),
    'mle-sam-two-best': (
        'mle_sam',
        {**HIERA, 'top_k': 2, 'router': 'modality', 'balance_weight': 0.1},
    ),
}


def test_every_model_is_under_contract():
    assert {name for name, _ in CASES.values()} == set(list_models('segmentation'))


@pytest.fixture(scope='class', params=CASES)
def model(request, tiny_encoders):
    name, options = CASES[request.param]
    torch.manual_seed(0)
    model = create_model(name, modalities=MODALITIES, num_classes=NUM_CLASSES, **options)
    _spread(model)
    return model.eval()


def _spread(model):
    """Make small weights large enough for every path to show in the output."""
    for name, parameter in model.named_parameters():
        if '.fusion.' in name and parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.2)
        if name.endswith('up_MRC'):
            torch.nn.init.normal_(parameter, std=0.1)
        if '.squeeze.' in name:
            torch.nn.init.normal_(parameter, std=1.0)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, len(MODALITIES), 3, SIZE, SIZE, generator=generator)


def flops(model, images, available=None):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images, available)
    return counter.get_total_flops()


class TestContract:
    def test_logits_have_the_size_of_the_input(self, model):
        images = torch.zeros(1, len(MODALITIES), 3, 32, 96)
        with torch.inference_mode():
            assert model(images).shape == (1, NUM_CLASSES, 32, 96)

    def test_gradients_reach_every_trainable_tensor(self, model, images):
        model.zero_grad()
        labels = torch.randint(NUM_CLASSES, (2, SIZE, SIZE))
        for logits in model.training_logits(images):
            functional.cross_entropy(logits, labels).backward(retain_graph=True)
        missed = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
        ]
        model.zero_grad()
        assert missed == []

    def test_training_step_with_missing_sensors_is_finite(self, model, images):
        model.train()
        available = torch.tensor([[True, False, True], [False, True, False]])
        loss = sum(logits.square().mean() for logits in model.training_logits(images, available))
        loss.backward()
        finite = all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
        model.zero_grad()
        model.eval()
        assert loss.isfinite()
        assert finite

    @pytest.mark.parametrize(('rows', 'columns'), [(-1, 0), (0, 1), (-1, 1)])
    def test_odd_size_is_rejected_with_the_right_one(self, model, rows, columns):
        size = (SIZE + rows, SIZE + columns)
        right = ' x '.join(str(-(-n // model.size_divisor) * model.size_divisor) for n in size)
        with pytest.raises(ConfigError, match=f'{size[0]} x {size[1]} pixels.* to {right}'):
            model(torch.zeros(1, len(MODALITIES), 3, *size))

    def test_wrong_number_of_modalities_is_rejected(self, model):
        with pytest.raises(ConfigError, match='3 modalities'):
            model(torch.zeros(1, 2, 3, SIZE, SIZE))

    @pytest.mark.parametrize(
        'available', [torch.ones(2, 3), torch.ones(2, 2, dtype=torch.bool), torch.ones(3) > 0]
    )
    def test_malformed_availability_is_rejected(self, model, images, available):
        with pytest.raises(ConfigError, match='bool'):
            model(images, available)

    def test_sample_without_any_modality_is_rejected(self, model, images):
        available = torch.tensor([[True, True, True], [False, False, False]])
        with pytest.raises(ConfigError, match=r'\[1\]'):
            model(images, available)

    def test_state_dict_round_trip(self, model, images):
        copy = create_model(model_name(model), **model.options).eval()
        copy.load_state_dict(model.state_dict())
        with torch.inference_mode():
            assert torch.equal(copy(images), model(images))

    def test_all_present_is_the_same_as_no_mask(self, model, images):
        with torch.inference_mode():
            everything = torch.ones(2, len(MODALITIES), dtype=torch.bool)
            assert torch.equal(model(images), model(images, everything))

    def test_absent_input_has_no_influence_on_any_bit(self, model, images):
        with torch.inference_mode():
            for first, second in zip(SUBSETS, SUBSETS[1:] + SUBSETS[:1], strict=True):
                available = torch.tensor([first, second])
                spoilt = images.clone()
                spoilt[~available] = torch.nan
                logits = model(images, available)
                assert logits.isfinite().all()
                assert torch.equal(logits, model(spoilt, available))

    def test_skipping_a_modality_equals_masking_it(self, model, images):
        everything = (True,) * len(MODALITIES)
        with torch.inference_mode():
            for subset in SUBSETS:
                masked = model(images, torch.tensor([subset, everything]))[:1]
                skipped = model(images[:1], torch.tensor([subset]))
                torch.testing.assert_close(masked, skipped, rtol=1e-4, atol=1e-4)

    def test_every_present_modality_counts(self, model, images):
        with torch.inference_mode():
            for subset in SUBSETS:
                available = torch.tensor([subset, subset])
                logits = model(images, available)
                for index, present in enumerate(subset):
                    changed = images.clone()
                    changed[:, index] += 1.0
                    same = torch.equal(model(changed, available), logits)
                    assert same is not present

    def test_absent_modalities_cost_nothing(self, model, images):
        costs = [
            flops(model, images, torch.tensor([present] * 2))
            for present in ([True, True, True], [True, False, True], [True, False, False])
        ]
        assert costs[0] >= costs[1] > costs[2]
        assert costs[2] < 0.7 * costs[0]

    def test_onnx_graph_agrees_on_every_subset(self, model, images, tmp_path):
        images = images[:1]
        file = str(tmp_path / 'model.onnx')
        everything = torch.ones(1, len(MODALITIES), dtype=torch.bool)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                model,
                (images, everything),
                file,
                input_names=['images', 'available'],
                output_names=['logits'],
                opset_version=20,
                dynamo=False,
            )
        session = onnxruntime.InferenceSession(file)
        for subset in SUBSETS:
            available = torch.tensor([subset])
            spoilt = images.clone()
            spoilt[~available] = torch.nan
            feed = {'images': spoilt.numpy(), 'available': available.numpy()}
            with torch.inference_mode():
                expected = model(images, available).numpy()
            np.testing.assert_allclose(session.run(None, feed)[0], expected, rtol=1e-4, atol=2e-5)


def model_name(model):
    wanted = type(model).__name__.lower()
    return next(name for name in list_models() if name.replace('_', '') == wanted)
