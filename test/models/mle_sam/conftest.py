"""SAM 2's published files, rebuilt: names, shapes and values by rule."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_models import create_model

GOLDEN = Path(__file__).parents[2] / 'data' / 'golden' / 'sam2_hiera_tiny.json'
MODALITIES = ('rgb', 'depth', 'lidar')


@pytest.fixture(scope='session')
def sam2():
    """Return the stored reference values."""
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope='session')
def sam2_fill():
    """Return the rule that fills a tensor by its published name."""

    def fill(key, like):
        shift = zlib.crc32(key.encode()) % 1000
        index = np.arange(like.numel(), dtype=np.float64)
        if like.ndim == 1 and key.endswith('weight'):
            values = 1 + 0.1 * np.sin(index + shift)
        elif like.ndim < 2:
            values = 0.02 * np.sin(0.37 * index + shift)
        else:
            values = np.sin(0.37 * index + shift) / np.sqrt(like.numel() / like.shape[0])
        return torch.from_numpy(values.astype(np.float32)).reshape(like.shape)

    return fill


@pytest.fixture(scope='session')
def check_values():
    """Return a check of a tensor against stored values, to 1e-4."""

    def check(tensor, stored):
        flat = tensor.detach().double().flatten()
        assert list(tensor.shape) == stored['shape']
        assert flat.mean().item() == pytest.approx(stored['mean'], abs=1e-5)
        assert flat.std().item() == pytest.approx(stored['std'], abs=1e-5)
        assert flat.abs().max().item() == pytest.approx(stored['absmax'], abs=2e-5)
        assert flat[:4].tolist() == pytest.approx(stored['first4'], abs=1e-4)

    return check


def _linear(name, out, inner):
    return {f'{name}.weight': (out, inner), f'{name}.bias': (out,)}


def _conv(name, out, inner, side):
    return {f'{name}.weight': (out, inner, side, side), f'{name}.bias': (out,)}


def _norm(name, dim):
    return {f'{name}.weight': (dim,), f'{name}.bias': (dim,)}


def _memory_attention():
    found = _norm('memory_attention.norm', 256)
    for layer in range(4):
        prefix = f'memory_attention.layers.{layer}'
        for part, inner in (('self_attn', 256), ('cross_attn_image', 64)):
            for name in 'qkv':
                width = 256 if name == 'q' else inner
                found |= _linear(f'{prefix}.{part}.{name}_proj', 256, width)
            found |= _linear(f'{prefix}.{part}.out_proj', 256, 256)
        found |= _linear(f'{prefix}.linear1', 2048, 256) | _linear(f'{prefix}.linear2', 256, 2048)
        for i in (1, 2, 3):
            found |= _norm(f'{prefix}.norm{i}', 256)
    return found


def _memory_encoder():
    prefix = 'memory_encoder'
    found = _conv(f'{prefix}.pix_feat_proj', 256, 256, 1) | _conv(f'{prefix}.out_proj', 64, 256, 1)
    for i, (inner, out) in enumerate(((1, 4), (4, 16), (16, 64), (64, 256))):
        found |= _conv(f'{prefix}.mask_downsampler.encoder.{3 * i}', out, inner, 3)
        found |= _norm(f'{prefix}.mask_downsampler.encoder.{3 * i + 1}', out)
    found |= _conv(f'{prefix}.mask_downsampler.encoder.12', 256, 256, 1)
    for i in (0, 1):
        layer = f'{prefix}.fuser.layers.{i}'
        found |= {f'{layer}.gamma': (256,)} | _conv(f'{layer}.dwconv', 256, 1, 7)
        found |= _norm(f'{layer}.norm', 256)
        found |= _linear(f'{layer}.pwconv1', 1024, 256) | _linear(f'{layer}.pwconv2', 256, 1024)
    return found


def _prompt_encoder():
    prefix = 'sam_prompt_encoder'
    found = {f'{prefix}.pe_layer.positional_encoding_gaussian_matrix': (2, 128)}
    names = ('not_a_point_embed', 'no_mask_embed', *(f'point_embeddings.{i}' for i in range(4)))
    found |= {f'{prefix}.{name}.weight': (1, 256) for name in names}
    found |= _conv(f'{prefix}.mask_downscaling.0', 4, 1, 2)
    found |= _norm(f'{prefix}.mask_downscaling.1', 4)
    found |= _conv(f'{prefix}.mask_downscaling.3', 16, 4, 2)
    found |= _norm(f'{prefix}.mask_downscaling.4', 16)
    return found | _conv(f'{prefix}.mask_downscaling.6', 256, 16, 1)


def _video_tensors(version):
    found = {
        'maskmem_tpos_enc': (7, 1, 1, 64),
        'no_mem_embed': (1, 1, 256),
        'no_mem_pos_enc': (1, 1, 256),
        'no_obj_ptr': (1, 256),
    }
    found |= _conv('mask_downsample', 1, 1, 4)
    for i in range(3):
        found |= _linear(f'obj_ptr_proj.layers.{i}', 256, 256)
    if version == '2.1':
        found |= {'no_obj_embed_spatial': (1, 64)} | _linear('obj_ptr_tpos_proj', 64, 256)
    return found


@pytest.fixture(scope='session')
def sam2_encoder_tensors():
    """Return a function from an image encoder to its tensors under SAM 2's names."""
    from mmseg_models.encoders.hiera_keys import official_hiera_key

    def tensors(encoder):
        state = encoder.state_dict()
        return {f'image_encoder.{official_hiera_key(key)}': state[key] for key in state}

    return tensors


@pytest.fixture(scope='session')
def sam2_file(sam2_encoder_tensors):
    """Return a maker of the content of a published file: name -> tensor, on a device."""
    from mmseg_models.encoders.hiera import HIERA_CONFIGS
    from mmseg_models.encoders.hiera_neck import ImageEncoder
    from mmseg_models.mle_sam.mask_decoder import MaskDecoder
    from mmseg_models.mle_sam.reference import decoder_key

    def content(encoder, version='2.1', device='cpu'):
        with torch.device(device):
            tensors = sam2_encoder_tensors(ImageEncoder(HIERA_CONFIGS[encoder]))
            decoder = MaskDecoder(256, 4, with_scores=True).state_dict()
            tensors |= {f'sam_mask_decoder.{decoder_key(k)}': v for k, v in decoder.items()}
            shapes = _memory_attention() | _memory_encoder() | _prompt_encoder()
            shapes |= _video_tensors(version)
            tensors |= {key: torch.zeros(shape) for key, shape in shapes.items()}
        return tensors

    return content


@pytest.fixture
def build(tiny_encoders):
    """Return a maker of small models whose experts have learned something."""

    def make(spread=True, **options):
        torch.manual_seed(0)
        options = {
            'encoder': 'hiera_tiny_test',
            'modalities': MODALITIES,
            'num_classes': 5,
            'rank': 4,
            **options,
        }
        model = create_model('mle_sam', **options)
        for name, parameter in model.named_parameters():
            if spread and (name.endswith('up_MRC') or name.startswith('router.')):
                torch.nn.init.normal_(parameter, std=0.1)
        return model.eval()

    return make


@pytest.fixture
def images():
    return torch.randn(2, len(MODALITIES), 3, 64, 96, generator=torch.Generator().manual_seed(1))
