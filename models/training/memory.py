"""How much memory a training step would take, computed from shapes alone: nothing is trained."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmseg_models.crossvlt.losses import ReferringLoss
from mmseg_models.losses import CrossEntropy
from mmseg_models.module_lists import channels_last
from mmseg_models.training.config import Recipe
from mmseg_models.training.generated_data import without_first_weights
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.referring_network import build_trainee
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.segmentation_setup import build_model
from mmseg_ros.core.labels import load_label_space

Step = Callable[[Any], Tensor]
"""Network -> loss."""
ADAM_MOMENTS = 2
_GIB = 2**30
_TOKENS = 1000
"""Of a vocabulary that is made from the data set."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a step would hold at its largest, bytes.

    Attributes:
        parameters: Numbers of the network. trainable: Those that learn.
        held: Weights, their average and the optimizer's state, which stay from step to step.
        peak: All of it, with the values kept for the backward pass and the gradients.
        items: Frames or images of the step.
    """

    parameters: int
    trainable: int
    held: int
    peak: int
    items: int

    def text(self) -> str:
        """Return it as lines for a terminal."""
        return (
            f'parameters        {self.parameters:,} ({self.trainable:,} learn)\n'
            f'memory            {self.peak / _GIB:.1f} GiB estimated for a step of {self.items}, '
            f'{self.held / _GIB:.1f} GiB of it weights, average and optimizer\n'
        )


def estimate_memory(recipe: RunConfig) -> MemoryEstimate:
    """Return what a step of a recipe would take on one device, from the shapes of its tensors.

    Weights, their average and the optimizer's two moments are counted, and every tensor of a
    step forward and back while it lives. Numbers are neither stored nor computed, so any recipe
    can be asked on any machine. Not counted: what libraries set aside for themselves, gaps
    between tensors, and the data. OHEM is counted as cross-entropy.

    Raises:
        ConfigError: The recipe names no known network, or an option is wrong.
    """
    with torch.device('meta'):  # its tensors have shapes and no numbers
        if isinstance(recipe, Recipe):
            network, step, items = _segmentation(recipe)
        elif isinstance(recipe, ReferringRecipe):
            network, step, items = _referring(recipe)
        else:
            raise TypeError(f'No memory is known of a {type(recipe).__name__}.')
    sizes = [(p.numel(), p.requires_grad) for p in network.parameters()]
    with FakeTensorMode(), _LiveBytes() as live:
        _place_on_cpu(network)
        network.train()
        average = [torch.empty_like(tensor) for tensor in network.state_dict().values()]
        trainable = [tensor for tensor in network.parameters() if tensor.requires_grad]
        moments = [torch.empty_like(tensor) for tensor in trainable * ADAM_MOMENTS]
        held = live.now
        with _precision(recipe.precision):
            loss = step(network)
        loss.backward()  # type: ignore[no-untyped-call]
        del average, moments
    return MemoryEstimate(
        parameters=sum(count for count, _ in sizes),
        trainable=sum(count for count, learns in sizes if learns),
        held=held,
        peak=live.peak,
        items=items,
    )


def _segmentation(recipe: Recipe) -> tuple[nn.Module, Step, int]:
    data, augmentation = recipe.data, recipe.augmentation
    height = augmentation.crop_height or data.height
    width = augmentation.crop_width or data.width
    count = recipe.batch_size

    def step(network: Any) -> Tensor:
        images = torch.empty(count, len(data.modalities), 3, height, width)
        labels = torch.empty(count, height, width, dtype=torch.int64)
        outputs, penalty = network.training_terms(images, None)
        loss = torch.stack([CrossEntropy()(logits, labels) for logits in outputs]).sum()
        return loss if penalty is None else loss + penalty

    network = build_model(recipe, load_label_space(data.label_space))
    return channels_last(network), step, count


def _referring(recipe: ReferringRecipe) -> tuple[nn.Module, Step, int]:
    data = recipe.data
    prompts = data.images * data.sentences

    def step(network: Any) -> Tensor:
        images = torch.empty(data.images, 3, data.height, data.width)
        tokens = torch.empty(prompts, data.max_tokens, dtype=torch.int64)
        mask = torch.empty(prompts, data.max_tokens, dtype=torch.bool)
        truth = torch.empty(prompts, data.height, data.width, dtype=torch.bool)
        reading, classes = network.training_terms(images, tokens, mask)
        loss: Tensor = ReferringLoss(recipe.loss.dice)(reading, truth)
        return loss if classes is None else loss + classes.square().mean()

    size = int(recipe.options.get('vocabulary_size') or _TOKENS)
    return build_trainee(without_first_weights(recipe), size), step, data.images


def _precision(name: str) -> AbstractContextManager[Any]:
    if name == 'fp32':
        return nullcontext()
    return torch.autocast('cpu', {'bf16': torch.bfloat16, 'fp16': torch.float16}[name])


def _place_on_cpu(network: nn.Module) -> None:
    """Give every tensor memory that `FakeTensorMode` only counts; other devices compute alike."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            placed = nn.Parameter(_without_numbers(parameter), parameter.requires_grad)
            setattr(module, name, placed)
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, _without_numbers(buffer))


def _without_numbers(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype)


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive: `now`, and at most so far, `peak`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._count(value.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:  # another view of what is counted
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size
