"""Reference values and the rule that fills a network with them."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN = Path(__file__).parents[1] / 'data' / 'golden'
SIZE = (64, 96)


def sequence(key: str, count: int) -> np.ndarray:
    phase = 2 * np.pi * (zlib.crc32(key.encode()) % 1000) / 1000
    angle = 12.9898 * np.arange(1, count + 1, dtype=np.float64) + phase
    return 2 * np.mod(np.sin(angle) * 43758.5453, 1.0) - 1


def filled(key: str, like: torch.Tensor) -> torch.Tensor:
    if not like.is_floating_point():
        return like
    x = sequence(key, like.numel())
    if like.ndim >= 2:
        x = x * np.sqrt(3 / (like.numel() / like.shape[0]))
    elif key.endswith('running_var'):
        x = 1 + 0.2 * x
    elif key.endswith('running_mean'):
        x = 0.05 * x
    elif key.endswith('weight'):
        x = 1 + 0.1 * x
    elif key == 'alpha':
        x = 0.5 * x
    else:
        x = 0.05 * x
    return torch.from_numpy(x.astype(np.float32)).reshape(like.shape)


@pytest.fixture(scope='session')
def golden():
    """Return a reader of the reference values: name of the file -> case -> statistics."""
    return lambda name: json.loads((GOLDEN / name).read_text())


@pytest.fixture(scope='session')
def fill_by_rule():
    """Return a function that fills a model through the authors' names."""
    from mmseg_models.reference_weights import export_reference, import_reference

    def fill(model, layout=None):
        tensors = {
            key: filled(key, value) for key, value in export_reference(model, layout).items()
        }
        import_reference(model, tensors)
        return model.eval()

    return fill


@pytest.fixture(scope='session')
def golden_images():
    """Return the reference input for a number of modalities: 2 x M x 3 x 64 x 96."""

    def images(total):
        count = 2 * 3 * SIZE[0] * SIZE[1]
        parts = [
            (np.sqrt(3) * sequence(f'input{m}', count)).astype(np.float32) for m in range(total)
        ]
        return torch.from_numpy(np.stack(parts)).reshape(total, 2, 3, *SIZE).transpose(0, 1)

    return images


@pytest.fixture(scope='session')
def check_statistics():
    """Return a check of a tensor against stored statistics."""

    def check(tensor, stored):
        flat = tensor.detach().double().flatten()
        assert list(tensor.shape) == stored['shape']
        assert flat.mean().item() == pytest.approx(stored['mean'], abs=1e-4)
        assert flat.std(correction=0).item() == pytest.approx(stored['std'], abs=1e-4)
        assert flat.abs().sum().item() == pytest.approx(stored['abs_sum'], rel=1e-4)
        assert flat[:3].tolist() == pytest.approx(stored['first3'], abs=1e-3)
        assert flat[-1].item() == pytest.approx(stored['last'], abs=1e-3)

    return check


@pytest.fixture(scope='session')
def tiny_encoders():
    """Add the encoders `*_tiny_test`, small enough for many forwards."""
    from mmseg_models.encoders.efficientnet import EFFICIENTNET_CONFIGS, EfficientNetConfig
    from mmseg_models.encoders.hiera import HIERA_CONFIGS, HieraConfig
    from mmseg_models.encoders.mit import MIT_CONFIGS, MitConfig
    from mmseg_models.encoders.swin import SWIN_CONFIGS, SwinConfig

    MIT_CONFIGS['mit_tiny_test'] = MitConfig((32, 64, 80, 128), (1, 1, 2, 1))
    SWIN_CONFIGS['swin_tiny_test'] = SwinConfig(16, (2, 1, 1, 1), (1, 2, 4, 8), 3)
    EFFICIENTNET_CONFIGS['efficientnet_lite_tiny_test'] = EfficientNetConfig(0.25, 0.5)
    HIERA_CONFIGS['hiera_tiny_test'] = HieraConfig(
        16, 1, (1, 1, 2, 1), (8, 4, 14, 7), (3,), neck_dim=32
    )
    yield
    del EFFICIENTNET_CONFIGS['efficientnet_lite_tiny_test']
    del HIERA_CONFIGS['hiera_tiny_test']
    del MIT_CONFIGS['mit_tiny_test'], SWIN_CONFIGS['swin_tiny_test']
