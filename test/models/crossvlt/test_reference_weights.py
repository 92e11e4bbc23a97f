"""Weights from and to other repositories."""

import pytest
import torch

from mmseg_models.crossvlt.pretrained import load_pretrained_text
from mmseg_models.encoders.bert import BERT_CONFIGS, padding_bias
from mmseg_models.encoders.swin_keys import official_swin_key
from mmseg_models.reference_weights import (
    export_reference,
    import_reference,
    load_pretrained_encoder,
)
from mmseg_ros.core.errors import ConfigError


@pytest.fixture
def hugging_face(tiny_bert):
    """Return a `transformers.BertModel` of the tiny size, deeper than the first stage."""
    transformers = pytest.importorskip('transformers')
    config = BERT_CONFIGS[tiny_bert]
    torch.manual_seed(5)
    bert = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=config.vocabulary_size,
            hidden_size=config.dim,
            num_hidden_layers=4,
            num_attention_heads=config.heads,
            intermediate_size=config.mlp_dim,
            max_position_embeddings=config.positions,
            initializer_range=0.3,
        )
    )
    return bert.eval()


@pytest.fixture
def bert_file(hugging_face, tmp_path):
    file = tmp_path / 'pytorch_model.bin'
    state = {f'bert.{key}': value for key, value in hugging_face.state_dict().items()}
    legacy = {
        key.replace('LayerNorm.weight', 'LayerNorm.gamma').replace(
            'LayerNorm.bias', 'LayerNorm.beta'
        ): value
        for key, value in state.items()
    }
    torch.save({**legacy, 'cls.predictions.bias': torch.zeros(40)}, file)
    return file


def test_text_stage_equals_transformers(build, hugging_face, bert_file, sentences):
    model, (ids, mask) = build(), sentences
    load_pretrained_text(model, bert_file)
    with torch.inference_mode():
        expected = hugging_face(ids, mask.long(), output_hidden_states=True).hidden_states
        torch.testing.assert_close(model.text.embedding(ids), expected[0], rtol=0, atol=1e-5)
        own = model.encode_text(ids, mask)
        x = model.text.embedding(ids)
        for layer, state in zip(model.text.layers, expected[1:], strict=False):
            x = layer(x, padding_bias(mask))
            torch.testing.assert_close(x[mask], state[mask], rtol=0, atol=1e-5)
    torch.testing.assert_close(own[mask], expected[2][mask], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_reference_size_equals_transformers():
    transformers = pytest.importorskip('transformers')
    from mmseg_models.crossvlt.language import TextStage
    from mmseg_models.encoders.bert_keys import hugging_face_key, plain_bert

    torch.manual_seed(5)
    bert = transformers.BertModel(transformers.BertConfig(num_hidden_layers=6)).eval()
    stage = TextStage(BERT_CONFIGS['bert_base'], 6, 256, 0.1).eval()
    found = plain_bert(bert.state_dict(), 6)
    names = {hugging_face_key(key): key for key in stage.state_dict()}
    align = {key: value for key, value in stage.state_dict().items() if 'align' in key}
    stage.load_state_dict({**{names[name]: value for name, value in found.items()}, **align})
    ids = torch.tensor([[101, 1996, 2158, 1999, 2417, 102] + [0] * 15])
    with torch.inference_mode():
        expected = bert(ids, (ids != 0).long()).last_hidden_state
        own = stage(ids, padding_bias(ids != 0))
    torch.testing.assert_close(own[ids != 0], expected[ids != 0], rtol=0, atol=1e-5)


def test_missing_text_tensor_is_named(build, bert_file):
    tensors = torch.load(bert_file)
    del tensors['bert.encoder.layer.1.attention.self.key.weight']
    torch.save(tensors, bert_file)
    with pytest.raises(ConfigError, match=r'missing encoder.layer.1.attention.self.key.weight'):
        load_pretrained_text(build(), bert_file)


def test_reference_round_trip(build, images, sentences):
    source, target = build(), build()
    for parameter in target.parameters():
        torch.nn.init.zeros_(parameter)
    tensors = export_reference(source)
    assert 'temp' in tensors
    assert 'lang_stage2.crossattention.self.query.weight' in tensors
    assert 'backbone.2.layers.attn2.v_q.0.weight' in tensors
    assert 'classifier.conv1_4.weight' in tensors
    import_reference(target, {'model': tensors})
    with torch.inference_mode():
        assert torch.equal(target(images, *sentences), source(images, *sentences))


def test_released_checkpoints_lack_the_temperature(build):
    model = build()
    tensors = export_reference(model)
    del tensors['temp']
    import_reference(model, tensors)
    assert (model.temperature == 1).all()


@pytest.mark.parametrize('change', ['missing', 'unexpected', 'shape'])
def test_import_is_strict(build, change):
    model = build()
    tensors = export_reference(model)
    key = 'lang_stage3.layer.0.attention.self.value.bias'
    value = tensors.pop(key)
    if change == 'unexpected':
        tensors |= {key: value, 'lang_stage5.proj.bias': value}
    if change == 'shape':
        tensors[key] = value[:-1]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    name = 'lang_stage5.proj.bias' if change == 'unexpected' else key
    with pytest.raises(ConfigError, match=name):
        import_reference(model, tensors)
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_official_swin_weights(build, tmp_path):
    source, target = build(), build()
    for parameter in target.parameters():
        torch.nn.init.zeros_(parameter)
    tensors = {official_swin_key(k): v for k, v in source.encoder.state_dict().items()}
    tensors = {k: v for k, v in tensors.items() if not k.startswith('norm')}
    tensors |= {'norm.weight': torch.ones(128), 'head.weight': torch.zeros(10, 128)}
    tensors['layers.0.blocks.1.attn_mask'] = torch.zeros(4, 9, 9)
    torch.save({'model': tensors}, tmp_path / 'swin.pth')
    load_pretrained_encoder(target, tmp_path / 'swin.pth')
    for key, value in source.encoder.state_dict().items():
        same = torch.equal(target.encoder.state_dict()[key], value)
        assert same or key.split('.')[2] == 'norm'
    assert not any(p.any() for n, p in target.named_parameters() if n.startswith('text'))
