"""`mmseg_ros evaluate`: run a bundle over a bag or a labeled data set and score it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_ros.commands.arguments import MOST_PROCESSES, whole_number
from mmseg_ros.commands.bag_scores import score_bag
from mmseg_ros.commands.data_set_scores import score_data_set
from mmseg_ros.commands.export_options import add_exports, without_exports
from mmseg_ros.commands.failures import INTERRUPTED
from mmseg_ros.commands.finished import begin, finish, finished, key_of
from mmseg_ros.commands.interruption import Interruption
from mmseg_ros.commands.option_conflicts import (
    reject_bag_options,
    reject_data_set_options,
    reject_exports,
)
from mmseg_ros.commands.pair_task import PairTask, score_pair
from mmseg_ros.commands.prompt_scores import is_referring, score_prompts
from mmseg_ros.commands.remote_files import Place, place, url_name
from mmseg_ros.commands.remote_output import mirrored_output
from mmseg_ros.commands.scored import (
    METRICS_FILE,
    ROBUSTNESS_FILE,
    Scored,
    metrics_text,
    write_scored,
)
from mmseg_ros.commands.sensors_option import add_sensors
from mmseg_ros.core.aspects import ASPECTS, DEFAULT_ASPECT
from mmseg_ros.core.atomic_files import require_writable
from mmseg_ros.core.freed_memory import return_large_arrays
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.datasets.options import BAD_FILE_ACTIONS, STOP
from mmseg_ros.evaluation.stopping import Stopped, never
from mmseg_ros.metrics.robustness import SUBSET_CHOICES

PROTOCOLS = ('emm', 'rmm', 'nm', 'legacy')
EPILOG = """examples:
  python -m mmseg_ros evaluate out/sequence --bundle stitchfusion-b0-sim
  python -m mmseg_ros evaluate sequence.mcap --bundle my_bundle --subsets all --output out/scores
  python -m mmseg_ros evaluate out/deliver --split val --condition night --condition fog
  python -m mmseg_ros evaluate out/words --bundle crossvlt-small-sim
  python -m mmseg_ros evaluate data/refcoco --split testA --bundle crossvlt-small-sim
  python -m mmseg_ros evaluate out/deliver --protocol emm --protocol rmm --protocol nm
  python -m mmseg_ros evaluate CamVid --classes camvid --split test
  python -m mmseg_ros evaluate out/sequence --write-bag out/labeled --export-masks out/masks
  python -m mmseg_ros evaluate out/sequence --robustness --quick
  python -m mmseg_ros evaluate out/day out/night --bundle old --bundle new --output out/scores

A bag goes through the live node's collector and pipeline; metrics.json (the same bytes in every
run), scores.csv and report.html are written. A data set in DeLiVER's folders (with img/) is scored
frame by frame, in all and per condition; one with text prompts scores a text-prompted bundle by
kind and size of the target, and with wrong text prompts. Several sources or bundles go to
OUTPUT/SOURCE/BUNDLE each, with summary.csv over them; one that fails is reported and the others
go on. Ctrl-C ends after the frame at hand and keeps what is done; the same command with --resume
does the rest. --robustness writes robustness.json, robustness.csv and robustness.html."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'sources', type=place, nargs='+', metavar='SOURCE',
        help='bag folder, one .mcap or .db3 file, or the folder of a data set; may be several, '
        'and URLs of any file system that fsspec knows',
    )  # fmt: skip
    parser.add_argument(
        '--bundle', action='append', default=[], metavar='B',
        help=f'folder or shipped name; may be repeated ({DEFAULT_BUNDLE})',
    )  # fmt: skip
    add_scoring_arguments(parser)


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a source is scored."""
    parser.add_argument(
        '--output', type=place, default=None, help='folder or URL; out/evaluate/<source>'
    )
    parser.add_argument(
        '--workers', type=whole_number(1, MOST_PROCESSES), default=1, metavar='N',
        help='score that many pairs of source and bundle at once; best with --threads 1',
    )  # fmt: skip
    parser.add_argument(
        '--ray', default='', metavar='ADDRESS',
        help='score the pairs on a Ray cluster: its address, auto, or local',
    )  # fmt: skip
    parser.add_argument(
        '--verify', action='store_true',
        help='run twice and prove that labels and metrics.json are the same bytes',
    )  # fmt: skip
    add_exports(parser)
    parser.add_argument(
        '--resume', action='store_true',
        help='take up an interrupted run: what is finished and unchanged is not done again',
    )  # fmt: skip
    parser.add_argument(
        '--robustness', action='store_true',
        help='one sensor fault after another instead: the share of mIoU that each keeps',
    )  # fmt: skip
    parser.add_argument(
        '--quick', action='store_true',
        help='with --robustness: one strength per fault, 12 moments of a bag, 24 of a data set',
    )  # fmt: skip
    parser.add_argument(
        '--subsets',
        choices=SUBSET_CHOICES,
        default='drops',
        help='sensors withheld in turn: none, each one (default), or every combination',
    )
    parser.add_argument(
        '--every', type=whole_number(0), default=1, metavar='N', help='score every n-th frame'
    )
    parser.add_argument(
        '--calibration', type=Path, default=None, help="calibration file instead of the bag's own"
    )
    add_sensors(parser, 'which topic is which sensor (bag)')
    parser.add_argument(
        '--intrinsics',
        choices=('auto', 'file', 'camera_info'),
        default='auto',
        help="who tells the intrinsics: auto takes the calibration file's where it has some",
    )
    parser.add_argument(
        '--labels', metavar='TOPIC|DIR', help='ground truth: topic of the bag, or folder of PNGs'
    )
    parser.add_argument(
        '--label-map', type=Path, metavar='FILE', help='YAML: ids or colors of it -> classes'
    )
    parser.add_argument('--backend', default='auto', help='inference runtime')
    parser.add_argument(
        '--threads',
        type=whole_number(0, MOST_PROCESSES),
        default=0,
        help='CPU threads; 0 is automatic',
    )
    parser.add_argument(
        '--precision', default='fp32', help='what OpenVINO computes in: fp32, fp16 or bf16'
    )
    parser.add_argument(
        '--aspect',
        choices=ASPECTS,
        default=DEFAULT_ASPECT,
        help="images of another shape than the network's: pad, cut off or stretch",
    )
    parser.add_argument(
        '--split', default='val', help='train, val or test (data set); testA or testB of RefCOCO'
    )
    parser.add_argument(
        '--condition',
        action='append',
        default=[],
        help='only this one (data set)',
    )
    parser.add_argument(
        '--classes', default='', metavar='MAP',
        help="from the bundle's classes to the labels', where they differ: camvid, another name "
        'in config/class_maps, or the YAML file of a class map (data set)',
    )  # fmt: skip
    parser.add_argument(
        '--protocol', action='append', default=[], choices=PROTOCOLS,
        help='also degrade the input without telling the network: whole modalities (emm), '
        'elements (rmm) or noise (nm), which need torch; or read and score the data as published '
        'tables did where that deviates (legacy); may be repeated (data set)',
    )  # fmt: skip
    parser.add_argument(
        '--on-bad-file', choices=BAD_FILE_ACTIONS, default=STOP,
        help='a missing or damaged file ends the scoring, or is named and passed over (data set)',
    )  # fmt: skip
    parser.add_argument(
        '--format', default='auto', help='layout of the data set; auto finds it by looking'
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate every source with every bundle, write the files and say where they are."""
    bundles = list(dict.fromkeys(args.bundle)) or [DEFAULT_BUNDLE]
    sources = list(dict.fromkeys(args.sources))
    with mirrored_output(args) as args:
        if len(sources) == len(bundles) == 1:
            return _run_one(args, sources[0], bundles[0])
        from mmseg_ros.commands.many_scores import evaluate_many

        return evaluate_many(args, sources, bundles)


def _run_one(args: argparse.Namespace, source: Place, bundle: str) -> int:
    output = output_of(args, source)
    with Interruption() as stop:
        scored = score_pair(PairTask(args, source, bundle, output), output, stop)
        args.mirror(output)
    if 'interrupted' not in scored.metrics:
        return 0
    sys.stderr.write(f'mmseg_ros evaluate: interrupted; {output} holds what was done.\n')
    return INTERRUPTED


def evaluate_one(
    args: argparse.Namespace, source: Path, bundle: str, output: Path, stopped: Stopped = never
) -> Scored:
    """Evaluate one source with one bundle, write the files and print what came out.

    Args:
        args: Of the verb.
        source: Bag or data set.
        bundle: Its name or folder.
        output: Folder to write to.
        stopped: Asked after every frame whether to end with what there is.

    Raises:
        MmsegError: The source or the bundle cannot be used, or two runs differ (`--verify`).
    """
    file = result_file(args)
    require_writable(output / file)
    key = key_of(args, source, bundle)
    done = finished(output / file, key) if args.resume else None
    if done is not None:
        sys.stdout.write(f'{output / file} is finished already\n')
        return done
    return_large_arrays()
    if args.robustness:
        scored = _sweep(args, source, bundle, output, key, stopped)
    else:
        scored = _score(args, source, bundle, output, stopped)
    if key and 'interrupted' not in scored.metrics:
        finish(output / file, key)
    return scored


def result_file(args: argparse.Namespace) -> str:
    """Return the name of the file that holds the outcome of a pair."""
    return ROBUSTNESS_FILE if args.robustness else METRICS_FILE


def _score(
    args: argparse.Namespace, source: Path, bundle: str, output: Path, stopped: Stopped
) -> Scored:
    from mmseg_ros.core.errors import BagError

    scored = score_source(args, source, bundle, stopped)
    begin(output / METRICS_FILE)
    write_scored(scored, output)
    if scored.fault:
        raise BagError(scored.fault)
    if args.verify and 'interrupted' not in scored.metrics:
        from mmseg_ros.evaluation.verification import require_same

        again = score_source(without_exports(args), source, bundle)
        texts = [metrics_text(run.metrics) for run in (scored, again)]
        sys.stdout.write(require_same(scored.metrics, again.metrics, texts) + '\n')
    return scored


def _sweep(
    args: argparse.Namespace, source: Path, bundle: str, output: Path, key: str, stopped: Stopped
) -> Scored:
    from mmseg_ros.commands.robustness_scores import sweep_source
    from mmseg_ros.core.errors import ConfigError

    other = args.verify or args.protocol or args.write_bag or args.export_masks
    if other or is_referring(bundle):
        raise ConfigError(
            '--robustness runs EMM, RMM and NM by itself and gives the same matrix in every run: '
            'leave out --verify, --protocol, --write-bag and --export-masks. Bundles that answer '
            'text prompts have no matrix.'
        )
    is_data_set = _holds_data_set(args, source)
    if is_data_set:
        reject_bag_options(args, source)
    return sweep_source(args, source, bundle, output, key, is_data_set, stopped)


def score_source(
    args: argparse.Namespace, source: Path, bundle: str, stopped: Stopped = never
) -> Scored:
    """Score one source with one bundle: a bag, a data set, or one with text prompts."""
    if _holds_data_set(args, source):
        reject_bag_options(args, source)
        if is_referring(bundle):
            reject_exports(args, bundle)
            return score_prompts(args, source, bundle)
        return score_data_set(args, source, bundle, stopped)
    reject_data_set_options(args)
    return score_bag(args, source, bundle, stopped)


def output_of(args: argparse.Namespace, source: Place) -> Path:
    """Return the folder that the scores of a bag or a data set go to."""
    return Path(args.output or Path('out') / 'evaluate' / source_name(source))


def source_name(source: Place) -> str:
    """Return what the folder of a source's scores is called."""
    if isinstance(source, str):
        return url_name(source)
    return source.name if source.is_dir() else source.stem


def _holds_data_set(args: argparse.Namespace, path: Path) -> bool:
    from mmseg_ros.datasets.reader import is_data_set
    from mmseg_ros.datasets.refer_reader import holds_prompts

    named = bool(args.classes) or args.format != 'auto'
    looks_like_one = (path / 'img').is_dir() or is_data_set(path) or holds_prompts(path)
    return named or looks_like_one
