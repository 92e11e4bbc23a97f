"""SIGTERM or SIGINT during a run: it ends after the step at hand, with a checkpoint."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Notes a signal inside its `with` block; a second one ends the program at once.

    Elsewhere than in the main thread nothing is noted, and a signal that is ignored stays so.

    Args:
        fabric: Whose processes stop after the same step.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._number = 0
        self._before: dict[int, Any] = {}

    def signal_number(self) -> int:
        """Return the signal that any process got, or 0; all processes together."""
        if self._fabric.world_size == 1:
            return self._number
        mine = torch.tensor(self._number, device=self._fabric.device)
        largest: Any = self._fabric.all_gather(mine)
        return int(largest.max())

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before != signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._number:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._number = number
        name = signal.Signals(number).name
        sys.stderr.write(f'{name}: ending after this step; send it again to end at once\n')
