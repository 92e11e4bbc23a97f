"""`mmseg_ros check-data`: what a data set holds, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import whole_number
from mmseg_ros.commands.check_prompts import PROMPTS, check_prompt_data, holds_only_prompts

if TYPE_CHECKING:
    from mmseg_ros.core.labels import LabelSpace
    from mmseg_ros.datasets.check import SplitReport
    from mmseg_ros.datasets.reader import Reader

EPILOG = """examples:
  python -m mmseg_ros check-data MUSES
  python -m mmseg_ros check-data MUSES --split val --every 10 --modalities rgb lidar
  python -m mmseg_ros check-data DSEC --labels dsec11
  python -m mmseg_ros check-data REFER/refcocog --split-by google
  python -m mmseg_ros check-data data/simset --format prompts

Every frame is read as training and evaluate read it. Printed are the pixels of each class, the
sizes, mean and deviation of every modality, and each missing or damaged file by its path.
Of text prompts (RefCOCO, RefCOCO+, RefCOCOg, or --format prompts), masks, words and images are
counted, and images that two splits share.
OUTPUT holds data.json, index.html and five pictures a split with the labels over the image.
Exit status: 0 all is well, 1 files are missing or damaged, or frames or masks are empty."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('root', type=Path, metavar='DIR', help='folder of the data set')
    parser.add_argument(
        '--split', action='append', default=[], help='only this one; may be repeated'
    )
    parser.add_argument(
        '--format', default='auto', help='layout, or prompts; auto finds it by looking'
    )
    parser.add_argument(
        '--modalities', nargs='+', default=[], metavar='NAME', help='only these; default: all'
    )
    parser.add_argument(
        '--labels', default='', metavar='SPACE', help="label space; default: the format's"
    )
    parser.add_argument('--condition', action='append', default=[], help='only this one')
    parser.add_argument('--every', type=whole_number(1), default=1, help='read every n-th frame')
    parser.add_argument(
        '--split-by', default='', help='RefCOCO family: who split it; default: unc, or umd'
    )
    parser.add_argument(
        '--images-in',
        default='',
        metavar='DIR',
        help="RefCOCO family: folder of COCO's train2014 images; default: beside the data set",
    )
    parser.add_argument(
        '--output', type=Path, default=None, help='folder; default: out/check-data/NAME'
    )


def run(args: argparse.Namespace) -> int:
    """Check the splits, print what was found and write the files."""
    from mmseg_ros.core.atomic_files import require_writable, write_text
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.core.labels import load_label_space
    from mmseg_ros.datasets.check_report import page_of, text_of, write_overlays
    from mmseg_ros.datasets.reader import find_reader
    from mmseg_ros.metrics.report import write

    output = args.output or Path('out/check-data') / args.root.resolve().name
    if args.format == PROMPTS or (args.format == 'auto' and holds_only_prompts(args.root)):
        return check_prompt_data(args, output)
    reader = find_reader(args.root, args.format)
    label_space, held = reader.held_by(args.root)
    if not (args.labels or label_space):
        raise ConfigError(
            f'{args.root} ({reader.format}) does not tell its classes; name them with --labels.'
        )
    space = load_label_space(args.labels or label_space)
    require_writable(output / 'data.json')
    print(f'{args.root}: {reader.format}, {", ".join(args.modalities or held)}, {space.id}')
    reports = [
        _check(args, reader, split, space, args.modalities or list(held))
        for split in args.split or _splits(args.root, reader)
    ]
    for report in reports:
        print(text_of(report, space), end='')
    write_overlays(reports, space, output)
    content = {'root': str(args.root), 'format': reader.format, 'label_space': space.id}
    legacy = reader.legacy.deviation if reader.legacy else ''
    plain = content | {'legacy': legacy, 'splits': [item.plain(space) for item in reports]}
    write_text(output / 'data.json', json.dumps(plain, indent=2) + '\n')
    write(page_of(args.root, reports, space), output / 'index.html')
    print(f'{output}/index.html')
    return 0 if _is_well(reports, asked=bool(args.split)) else 1


def _splits(root: Path, reader: Reader) -> tuple[str, ...]:
    """Return the splits of a format; those that a folder does not have are told as such."""
    from mmseg_ros.datasets.folder import read_description

    if reader.is_described:
        return tuple(read_description(root).splits) or ('train', 'val', 'test')
    return reader.splits


def _check(
    args: argparse.Namespace,
    reader: Reader,
    split: str,
    space: LabelSpace,
    modalities: list[str],
) -> SplitReport:
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.errors import DatasetError
    from mmseg_ros.datasets.check import SplitReport, check_split
    from mmseg_ros.datasets.options import SKIP, ReadOptions

    options = ReadOptions(on_bad_file=SKIP)  # missing files are counted, damaged ones still raise
    try:
        frames = reader.open(args.root, split, modalities, space, args.condition, options)
    except DatasetError as error:
        return SplitReport(split, error=str(error))
    with progress_bar(split) as progress:
        return check_split(frames, getattr(frames, 'missing', []), args.every, progress)


def _is_well(reports: list[SplitReport], asked: bool) -> bool:
    """Return whether all that was asked for, or all that is there, is sound."""
    there = [report for report in reports if asked or not report.error]
    return bool(there) and all(report.is_sound for report in there)
