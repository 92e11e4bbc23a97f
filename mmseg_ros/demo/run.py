"""The demo from the first simulated frame to the report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.replay import sensor_topics
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.core.child_process import exit_on_sigterm
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.demo.animation import encoded, film_figure, film_of, save_film
from mmseg_ros.demo.live import LiveRun, Say, log_file, require_ros, run_live
from mmseg_ros.demo.pace import (
    FEWEST_FRAMES,
    SLOWEST,
    WARM_UP_S,
    fewest_frames,
    results_per_second,
    slower,
    speed_for,
)
from mmseg_ros.demo.pointed import pointed_section, scenes
from mmseg_ros.demo.poster import poster, save
from mmseg_ros.demo.report import demo_report, summary_lines
from mmseg_ros.demo.results import LabelFrame, read_frames, summarize
from mmseg_ros.demo.schedule import Outage, outages
from mmseg_ros.demo.sequence import SEED, cached_drive
from mmseg_ros.demo.shown import Moment, chosen_frames, moment_figure, moments
from mmseg_ros.demo.stages import stage_times
from mmseg_ros.demo.systems import systems_section
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.metrics import report
from mmseg_ros.metrics.report import Section
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.referring.bundle import load_referring_bundle
from mmseg_ros.referring.segmenter import load_segmenter

CALIBRATION = 'calibration.yaml'
_WARM_UP = 'warm_up'
_MOST_TRIES = 3

FILM = 'drive.webp'


class Phase(Protocol):
    """Told about the progress of one part of the demo."""

    def __call__(self, done: float, total: float) -> None:
        """Say how much of the part is done."""


class Progress(Protocol):
    """Shows one part of the demo after another."""

    def phase(self, text: str) -> AbstractContextManager[Phase]:
        """Show a part while the block runs."""

    def say(self, text: str) -> None:
        """Show a line while a part runs."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo does.

    Attributes:
        output: Folder of everything it makes. cache: Folder of simulated sequences.
        duration_s: Length of the sequence. seed: Which sequence.
        bundle: Folder or name of the model bundle.
        referring_bundle: The same of the one that is asked in words.
    """

    output: Path
    cache: Path
    duration_s: float = 14.0
    seed: int = SEED
    bundle: str = DEFAULT_BUNDLE
    referring_bundle: str = 'crossvlt-small-sim'


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Where the report is, and two lines that sum it up."""

    report: Path
    summary: Sequence[str]


def run_demo(options: DemoOptions, progress: Progress) -> DemoResult:
    """Simulate or read a sequence, play it to the node with outages, and report.

    Raises:
        ConfigError: ROS 2 is not installed, or the sequence is too short.
        BundleError: The bundle cannot be used.
        ProcessError: The node, the recorder or the player failed.
        BagError: The node published no labels.
    """
    require_ros()
    plan = outages(options.duration_s)
    bundle = load_bundle(options.bundle)
    load_referring_bundle(options.referring_bundle)
    output = options.output
    _clear(output)
    with exit_on_sigterm():
        with progress.phase('simulating the sequence') as told:
            drive = cached_drive(options.cache, options.duration_s, options.seed, told)
        rig = _export_calibration(drive, output / CALIBRATION)
        space = bundle.manifest.label_space
        play = _Playing(
            drive, options.duration_s, plan, output, str(bundle.path), space, progress.say
        )
        with progress.phase('measuring what this machine can do') as told:
            speed = play.suitable_speed(told)
        run, frames = play.until_enough(speed, progress)
        if not frames:
            raise BagError(
                f'The node published no labels into {run.recording}; the log is '
                f'{log_file(output)}.'
            )
        scores = summarize(frames, plan, options.duration_s, run.speed)
        with progress.phase('drawing the report'):
            chosen = chosen_frames(frames, plan)
            seen = list(moments(drive, run.recording, chosen, rig))
            figures = [moment_figure(moment, rig, bundle.manifest) for moment in seen]
            stages = stage_times(run.recording)
            film = encoded(film_of(drive, run.recording, frames, space))
            save_film(film, output / FILM)
            extra = [
                systems_section(seen[0], rig, options.bundle),
                _pointed(drive, seen, options.referring_bundle),
            ]
            page = demo_report(
                frames, scores, plan, run, stages, [film_figure(film), *figures], extra,
                bundle.manifest.name,
            )  # fmt: skip
            report.write(page, output / 'report.html')
            save(poster(seen, rig, bundle.manifest), output / 'demo.png')
    return DemoResult(output / 'report.html', summary_lines(frames, scores, run.speed))


@dataclass(frozen=True, slots=True)
class _Playing:
    """Plays the sequence to a node with outages, as slowly as the machine needs it."""

    drive: Path
    duration_s: float
    plan: Sequence[Outage]
    output: Path
    bundle: str
    label_space: LabelSpace
    say: Say

    def suitable_speed(self, told: Phase) -> float:
        """Play the beginning without outages, and see how many label images come."""
        folder = self.output / _WARM_UP
        warm_up = self._live(folder, min(WARM_UP_S, self.duration_s), (), told, 1.0)
        speed = speed_for(results_per_second(warm_up.recording), self.plan)
        shutil.rmtree(folder, ignore_errors=True)
        return speed

    def until_enough(self, speed: float, progress: Progress) -> tuple[LiveRun, list[LabelFrame]]:
        """Play all of it; once more, and slower, if an outage has too few label images."""
        for number in range(_MOST_TRIES):
            shutil.rmtree(self.output / 'recording', ignore_errors=True)
            again = ' again' if number else ''
            text = f'playing it to the live node{again}, at {speed:g} of its speed'
            with progress.phase(text) as told:
                run = self._live(self.output, self.duration_s, self.plan, told, speed)
                frames = read_frames(self.drive, run.recording, self.plan, self.label_space)
            fewest = fewest_frames(frames, self.plan)
            if fewest >= FEWEST_FRAMES or run.speed <= SLOWEST:
                break
            speed = slower(speed, fewest)
        return run, frames

    def _live(
        self, folder: Path, duration_s: float, plan: Sequence[Outage], told: Phase, speed: float
    ) -> LiveRun:
        calibration = self.output / CALIBRATION
        return run_live(
            self.drive, duration_s, plan, folder, self.bundle, calibration, told, speed, self.say
        )


def _pointed(drive: Path, seen: Sequence[Moment], bundle: str) -> Section:
    """Ask for what is to be seen in the pictured moments."""
    truth = Truth(drive)
    shown = scenes(seen, truth)
    truth.close()
    segmenter = load_segmenter(bundle)
    section = pointed_section(shown, segmenter)
    segmenter.close()
    return section


def _clear(output: Path) -> None:
    """Remove what an earlier run left in the folder, and nothing else."""
    output.mkdir(parents=True, exist_ok=True)
    for name in ('recording', 'logs', _WARM_UP):
        shutil.rmtree(output / name, ignore_errors=True)
    for name in ('report.html', 'demo.png', FILM, CALIBRATION):
        (output / name).unlink(missing_ok=True)


def _export_calibration(drive: Path, path: Path) -> Rig:
    """Write the sequence's own calibration for the node and return it."""
    with BagReader(drive) as reader:
        rig = rig_from_bag(reader, sensor_topics(reader))
    write_text(path, yaml.safe_dump(rig.to_dict(), sort_keys=False))
    return rig
