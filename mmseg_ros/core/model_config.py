"""Parameters of the network."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ros.core.aspects import ASPECTS, DEFAULT_ASPECT
from mmseg_ros.core.parameters import Checked, parameter
from mmseg_ros.core.resources import DEFAULT_BUNDLE

RUNTIMES = ('onnxruntime', 'openvino', 'tensorrt', 'torch')
"""Names of the inference runtimes, for `model.backend`."""
PROMPT_RUNTIMES = ('openvino', 'onnxruntime', 'torch')
"""Those that run text prompts, best first, for `referring.backend`."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Checked):
    """Which network runs where: `model.*`."""

    bundle: str = parameter(
        DEFAULT_BUNDLE,
        'Folder of a model bundle, or the name of one in models/zoo. A change is checked at once, '
        'loaded in the background and used between two frames; the present one serves until then, '
        'and goes on if anything fails.',
    )
    backend: str = parameter(
        'auto',
        'Inference runtime.',
        choices=('auto', *RUNTIMES),
        read_only=True,
    )
    threads: int = parameter(
        0,
        'CPU threads of the runtime; 0 leaves the choice to it.',
        low=0,
        high=256,
        read_only=True,
    )
    precision: str = parameter(
        'fp32',
        'What OpenVINO computes in; fp16 and bf16 are faster where the processor has them, and '
        'change the labels: compare with `mmseg_ros evaluate --precision`.',
        choices=('fp32', 'fp16', 'bf16'),
        read_only=True,
    )
    aspect: str = parameter(
        DEFAULT_ASPECT,
        "What becomes of images of another shape than the network's input: letterbox pads, crop "
        'cuts off (the rest gets the ignored id), stretch changes the shape; auto is letterbox '
        'where the aspects differ by more than 15 %, else stretch.',
        choices=ASPECTS,
        read_only=True,
    )
    subset_graphs: str = parameter(
        'ahead',
        'When the graphs for subsets of the sensors are compiled: ahead, in the background after '
        'the start, so that nothing is compiled and no memory is taken when a sensor drops; '
        'on_demand, when a subset comes for the first time; none, one graph serves all subsets, '
        'which takes the least memory and the time of all sensors.',
        choices=('ahead', 'on_demand', 'none'),
        read_only=True,
    )
