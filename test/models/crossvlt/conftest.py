"""A CrossVLT small enough for many forward passes."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.encoders.bert import BERT_CONFIGS, BertConfig

OPTIONS = {
    'encoder': 'swin_tiny_test',
    'text': 'bert_tiny_test',
    'depths': (2, 1, 1, 1),
    'align_dim': 8,
    'head_dim': 16,
    'decoder_dim': 8,
}


@pytest.fixture(scope='session')
def tiny_bert():
    BERT_CONFIGS['bert_tiny_test'] = BertConfig(40, 24, 2, 48, 12)
    yield 'bert_tiny_test'
    del BERT_CONFIGS['bert_tiny_test']


@pytest.fixture
def build(tiny_encoders, tiny_bert):
    """Return a maker of small models with weights large enough to show in the output."""

    def make(**options):
        torch.manual_seed(0)
        model = create_model('crossvlt', **{**OPTIONS, **options})
        for parameter in model.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
        return model.eval()

    return make


@pytest.fixture
def sentences():
    """Return ids and mask of two text prompts of six and four tokens, padded to eight."""
    ids = torch.tensor([[2, 5, 9, 11, 7, 3, 0, 0], [2, 6, 8, 3, 0, 0, 0, 0]])
    return ids, ids != 0


@pytest.fixture
def images():
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
