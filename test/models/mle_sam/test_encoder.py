"""SAM 2's image encoder: equal to the reference values, counted to the digit."""

import numpy as np
import pytest
import torch

from mmseg_models.encoders.hiera import HIERA_CONFIGS, Hiera
from mmseg_models.encoders.hiera_neck import ImageEncoder
from mmseg_models.presence import Presence

SIZES = ('hiera_tiny', 'hiera_small', 'hiera_base_plus', 'hiera_large')
ALONE = Presence((0,), 1)


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope='module')
def tiny(sam2_fill, sam2_encoder_tensors):
    encoder = ImageEncoder(HIERA_CONFIGS['hiera_tiny']).eval()
    for name, tensor in sam2_encoder_tensors(encoder).items():
        tensor.copy_(sam2_fill(name, tensor))
    return encoder


@pytest.fixture(scope='module')
def reference_image():
    y, x = np.mgrid[:256, :256].astype(np.float64)
    channels = [np.sin(0.05 * y + 0.03 * x * (c + 1) + c) for c in range(3)]
    return torch.from_numpy(np.stack(channels)[None].astype(np.float32))


def test_all_levels_equal_the_reference(tiny, reference_image, sam2, check_values):
    with torch.inference_mode():
        features = tiny.trunk(reference_image, ALONE)
        pyramid = tiny.neck(features)
    for found, stored in zip(features, sam2['encoder'], strict=True):
        check_values(found, stored)
    for found, stored in zip(pyramid, sam2['neck'], strict=True):
        check_values(found, stored)


def test_positions_equal_the_reference(tiny, sam2):
    place = tiny.trunk.position(64, 64).detach()
    assert place.abs().max().item() == pytest.approx(sam2['position']['absmax'], abs=1e-5)
    assert place[0, :4, 0, 0].tolist() == pytest.approx(sam2['position']['first4'], abs=1e-5)


@pytest.mark.parametrize('size', SIZES)
def test_parameters_and_keys_of_all_sizes(size, sam2, sam2_encoder_tensors):
    stored = sam2['parameters'][size]
    with torch.device('meta'):
        encoder = ImageEncoder(HIERA_CONFIGS[size])
    assert count(encoder.trunk) == stored['trunk']
    assert count(encoder.neck) == stored['neck']
    assert len(sam2_encoder_tensors(encoder)) == stored['keys']


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('version', ['2.0', '2.1'])
def test_the_published_files_have_so_many_tensors(size, version, sam2, sam2_file):
    tensors = sam2_file(size, version, device='meta')
    gaussian = 'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'
    counted = sum(value.numel() for key, value in tensors.items() if key != gaussian)
    parameters, keys = sam2['parameters'][size][f'full_{version.replace(".", "")}']
    assert (counted, len(tensors)) == (parameters, keys)


def test_a_new_stage_begins_with_the_window_of_the_last():
    sites = HIERA_CONFIGS['hiera_base_plus'].sites()
    assert [sites[i].window for i in (2, 5, 21)] == [8, 4, 14]
    assert [sites[i].dim_out for i in (1, 2, 20, 21)] == [112, 224, 448, 896]
    assert [i for i, site in enumerate(sites) if site.window == 0] == [12, 16, 20]


@pytest.mark.parametrize('size', [(32, 32), (64, 96), (96, 160)])
def test_any_multiple_of_32_fits(size, tiny_encoders):
    trunk = Hiera(HIERA_CONFIGS['hiera_tiny_test']).eval()
    with torch.inference_mode():
        maps = trunk(torch.zeros(1, 3, *size), ALONE)
    for stride, x in zip((4, 8, 16, 32), maps, strict=True):
        assert x.shape[2:] == (size[0] // stride, size[1] // stride)


def test_computing_again_gives_the_same_gradients(tiny_encoders):
    torch.manual_seed(0)
    plain = Hiera(HIERA_CONFIGS['hiera_tiny_test']).train()
    again = Hiera(HIERA_CONFIGS['hiera_tiny_test'], recompute=True).train()
    again.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 32, 64)
    for trunk in (plain, again):
        trunk(x, ALONE)[-1].square().sum().backward()
    for first, second in zip(plain.parameters(), again.parameters(), strict=True):
        assert torch.equal(first.grad, second.grad)
