"""Writes the base of a trained MLE-SAM in SAM 2's format, for another one to start from.

Run: python -m mmseg_models.mle_sam.export_base RUN_DIR FILE.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path

from mmseg_models.mle_sam.model import MleSam
from mmseg_models.mle_sam.sam2_checkpoint import base_tensors
from mmseg_models.training.trained_weights import load_trained, save_weights
from mmseg_ros.core.errors import ConfigError


def export_base(run_dir: Path, file: Path) -> None:
    """Write the image encoder and the shared parts of the decoder of a run's best weights.

    Raises:
        ConfigError: The run trained another model.
        TrainingError: There are no weights of the trainer.
    """
    model, _ = load_trained(run_dir)
    if not isinstance(model, MleSam):
        raise ConfigError(f'{run_dir} holds a {type(model).__name__}; give a run of mle_sam')
    save_weights(file, base_tensors(model))


if __name__ == '__main__':
    export_base(Path(sys.argv[1]), Path(sys.argv[2]))
