"""CrossVLT: an image encoder and a language encoder that read each other at every stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.crossvlt.decoder import Decoder, resize
from mmseg_models.crossvlt.fusion import GatedText
from mmseg_models.crossvlt.language import CrossTextStage, TextStage
from mmseg_models.crossvlt.position import Coordinates
from mmseg_models.crossvlt.reference import crossvlt_key
from mmseg_models.encoders import build_encoder, shared_norm
from mmseg_models.encoders.bert import BERT_CONFIGS, BertConfig, initialize_bert, padding_bias
from mmseg_models.encoders.contract import Norms
from mmseg_models.encoders.layers import Grid, initialize, to_map
from mmseg_models.module_lists import module_list
from mmseg_models.network import Network
from mmseg_models.presence import Presence
from mmseg_models.shapes import is_tracing, shape_of
from mmseg_ros.core.errors import ConfigError

NUM_STAGES = 4
_ONE_CAMERA = Presence((0,), 1)
_LEAST_TEMPERATURE = 0.01


class Reading(NamedTuple):
    """Everything that training looks at.

    Attributes:
        logits: N x 2 x H x W: outside, inside.
        similarities: Per stage N x 1 x H_i x W_i: cosine of pixel and prompt over temperature.
        pixels: N x D x H / 4 x W / 4, what the last layer reads.
    """

    logits: Tensor
    similarities: tuple[Tensor, ...]
    pixels: Tensor


class CrossVLT(Network):
    """CrossVLT. The defaults are the reference configuration.

    Args:
        encoder: Name of the image encoder, see `mmseg_models.encoders.ENCODERS`; the reference's
            are Swin Transformers.
        text: Name of a BERT, see `BERT_CONFIGS`.
        vocabulary_size: Tokens; None takes that of `text`.
        depths: BERT layers of the four language stages.
        align_dim: Channels in which pixels and text prompt are compared.
        head_dim: Channels of one head where pixels attend to words.
        decoder_dim: Channels inside the decoder; None takes half of the coarsest map's.
        coordinates: Whether tokens are told their place in the image; the reference does not.
        drop_path: Stochastic depth rate of the image encoder's last block.
        dropout: Rate inside the language encoder.

    Raises:
        ConfigError: An option is unknown or out of range.

    Source: arXiv 2408.07539; deviations are listed in README.md beside this file.
    """

    task = 'referring'
    reference_optional = ('temperature',)

    def __init__(
        self,
        encoder: str = 'swin_base_w12',
        text: str = 'bert_base',
        vocabulary_size: int | None = None,
        depths: Sequence[int] = (6, 1, 1, 1),
        align_dim: int = 256,
        head_dim: int = 64,
        decoder_dim: int | None = None,
        coordinates: bool = False,
        drop_path: float = 0.3,
        dropout: float = 0.1,
    ) -> None:
        config = _text_config(text, vocabulary_size)
        if len(depths) != NUM_STAGES or min(depths) < 0:
            raise ConfigError(
                f'depths are {tuple(depths)}; give {NUM_STAGES} numbers of BERT layers'
            )
        norm = shared_norm(1e-5)
        backbone = build_encoder(encoder, Norms(norm, norm, norm), drop_path=drop_path)
        super().__init__(backbone.size_divisor)
        self.vocabulary_size = config.vocabulary_size
        self.max_tokens = config.positions
        self.encoder = backbone
        dims = backbone.channels
        self.text = TextStage(config, depths[0], align_dim, dropout)
        self.text_stages = module_list(
            CrossTextStage(config, depth, dim, align_dim, dropout)
            for depth, dim in zip(depths[1:], dims[1:], strict=True)
        )
        # The reference gives the first stage twice the channels inside its attention.
        inner_dims = (2 * dims[0], *dims[1:])
        if head_dim < 1 or any(dim % head_dim for dim in inner_dims):
            raise ConfigError(
                f'head_dim is {head_dim}; it must divide the channels of attention, {inner_dims}'
            )
        self.fusions = module_list(
            GatedText(dim, config.dim, inner, head_dim)
            for dim, inner in zip(dims, inner_dims, strict=True)
        )
        self.entry_fusions = module_list(
            GatedText(dim, config.dim, dim, head_dim) for dim in dims[1:]
        )
        self.aligns = module_list(nn.Linear(dim, align_dim) for dim in dims)
        self.places = module_list(Coordinates(dim) for dim in (dims if coordinates else ()))
        decoder_dim = decoder_dim or dims[3] // 2
        self.decoder = Decoder(dims, decoder_dim)
        self.classify = nn.Conv2d(decoder_dim, 2, 1)
        self.temperature = nn.Parameter(torch.ones(NUM_STAGES))
        self.apply(initialize)
        self.apply(_initialize_pointwise)
        self.text.apply(initialize_bert)
        for text_stage in self.text_stages:
            text_stage.apply(initialize_bert)

    def forward(
        self, images_B3HW: Tensor, token_ids_NL: Tensor, attention_mask_NL: Tensor
    ) -> Tensor:
        """Return logits N x 2 x H x W (outside, inside) for N text prompts about B images.

        Args:
            images_B3HW: float32, normalized. N is B or a multiple of it; then the first N / B
                text prompts are about the first image.
            token_ids_NL: int64, from [CLS] to [SEP], padded.
            attention_mask_NL: bool, False at padding.

        Raises:
            ConfigError: The shapes do not fit each other or the model.
        """
        text_NLC = self.encode_text(token_ids_NL, attention_mask_NL)
        return self.segment(images_B3HW, text_NLC, attention_mask_NL)

    def encode_text(self, token_ids_NL: Tensor, attention_mask_NL: Tensor) -> Tensor:
        """Return N x L x C, the first language stage, which needs no image; see `forward`."""
        length = shape_of(token_ids_NL)[1]
        if length > self.max_tokens or token_ids_NL.shape != attention_mask_NL.shape:
            raise ConfigError(
                f'token ids are {tuple(token_ids_NL.shape)} and their mask is '
                f'{tuple(attention_mask_NL.shape)}; give both as text prompts x at most '
                f'{self.max_tokens} tokens'
            )
        bias_N11L = padding_bias(attention_mask_NL).to(next(self.text.parameters()).dtype)
        encoded: Tensor = self.text(token_ids_NL, bias_N11L)
        return encoded

    def segment(self, images_B3HW: Tensor, text_NLC: Tensor, attention_mask_NL: Tensor) -> Tensor:
        """Return logits N x 2 x H x W from the result of `encode_text`; see `forward`."""
        maps, _ = self._encode(images_B3HW, text_NLC, attention_mask_NL)
        return resize(self.classify(self.decoder(maps)), shape_of(images_B3HW)[2:])

    def read(
        self, images_B3HW: Tensor, token_ids_NL: Tensor, attention_mask_NL: Tensor
    ) -> Reading:
        """Return the logits and what the losses of training compare; see `forward`."""
        text_NLC = self.encode_text(token_ids_NL, attention_mask_NL)
        maps, pairs = self._encode(images_B3HW, text_NLC, attention_mask_NL)
        pixels_NDHW = self.decoder(maps)
        logits = resize(self.classify(pixels_NDHW), shape_of(images_B3HW)[2:])
        temperature = self.temperature.clamp(min=_LEAST_TEMPERATURE)
        similarities = tuple(
            similarity(pixels, sentence, shape_of(fine)[2:]) / temperature[stage]
            for stage, ((pixels, sentence), fine) in enumerate(zip(pairs, maps, strict=True))
        )
        return Reading(logits, similarities, pixels_NDHW)

    def reference_key(self, key: str, layout: str = 'authors') -> str:
        """Return the authors' name of the tensor `key`; they have one layout."""
        return crossvlt_key(key)

    def _encode(
        self, images_B3HW: Tensor, text_NLC: Tensor, attention_mask_NL: Tensor
    ) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
        """Return four maps, and per stage the pixels and the sentence to be compared."""
        repeats = self._check_input(images_B3HW, text_NLC)
        bias_N11L = padding_bias(attention_mask_NL).to(text_NLC.dtype)
        maps: list[Tensor] = []
        pairs: list[tuple[Tensor, Tensor]] = []
        x = images_B3HW
        for index, stage in enumerate(self.encoder.stages):
            x_NSC, grid = stage.embed(x, _ONE_CAMERA)
            x_NSC = self._place(x_NSC, grid, index)
            text_align = self.text.align
            if index:
                x_NSC, _ = self.entry_fusions[index - 1](x_NSC, text_NLC, bias_N11L)
                text_stage = self.text_stages[index - 1]
                text_NLC, text_align = text_stage(text_NLC, bias_N11L, x_NSC), text_stage.align
            x_NSC = stage.transform(x_NSC, grid, _ONE_CAMERA)
            if index == 0 and repeats > 1:
                x_NSC = _repeated(x_NSC, text_NLC, repeats)
            pairs.append((self.aligns[index](x_NSC), text_align(text_NLC[:, 0])))
            x_NSC, taken_NSC = self.fusions[index](x_NSC, text_NLC, bias_N11L)
            maps.append(stage.finish(taken_NSC, grid, _ONE_CAMERA)[0])
            x = stage.finish(x_NSC, grid, _ONE_CAMERA)[1]
        return maps, pairs

    def _place(self, x_NSC: Tensor, grid: Grid, index: int) -> Tensor:
        placed: Tensor = self.places[index](x_NSC, grid) if len(self.places) else x_NSC
        return placed

    def _check_input(self, images_B3HW: Tensor, text_NLC: Tensor) -> int:
        """Return the number of sentences per image."""
        shape, total = shape_of(images_B3HW), shape_of(text_NLC)[0]
        if len(shape) != 4 or shape[1] != 3 or total % max(shape[0], 1):
            raise ConfigError(
                f'images have shape {shape} for {total} text prompts; expected batch x 3 channels '
                'x height x width, and as many sentences for every image'
            )
        self.check_size(*shape[2:])
        return total // shape[0]


def _repeated(x_BSC: Tensor, text_NLC: Tensor, repeats: int) -> Tensor:
    """Return N x S x C; an exported graph, which has one image, takes any number of prompts."""
    if is_tracing():
        return x_BSC.expand(text_NLC.shape[0], -1, -1)
    return x_BSC.repeat_interleave(repeats, dim=0)


def _initialize_pointwise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def similarity(pixels_NSC: Tensor, sentence_NC: Tensor, grid: Sequence[int]) -> Tensor:
    """Return N x 1 x H x W: the cosine of every pixel with the text prompt."""
    pixels_NSC = functional.normalize(pixels_NSC, dim=-1)
    cosine_NS1 = pixels_NSC @ functional.normalize(sentence_NC, dim=-1)[..., None]
    return to_map(cosine_NS1, (grid[0], grid[1]))


def _text_config(name: str, vocabulary_size: int | None) -> BertConfig:
    if name not in BERT_CONFIGS:
        raise ConfigError(f'unknown text {name!r}; choose one of {", ".join(BERT_CONFIGS)}')
    if vocabulary_size is None:
        return BERT_CONFIGS[name]
    if vocabulary_size < 1:
        raise ConfigError(f'vocabulary_size is {vocabulary_size}; give at least one')
    return replace(BERT_CONFIGS[name], vocabulary_size=vocabulary_size)
