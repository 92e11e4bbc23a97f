"""`mmseg_ros check-data` on a data set with text prompts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_ros.datasets.check_prompts import PromptReport

PROMPTS = 'prompts'
"""The value of `--format` that asks for them where a folder also holds classes."""


def holds_only_prompts(root: Path) -> bool:
    """Return whether a folder is one of the RefCOCO family."""
    from mmseg_ros.datasets.refer_reader import is_refcoco

    return is_refcoco(root)


def check_prompt_data(args: argparse.Namespace, output: Path) -> int:
    """Check the splits, print what was found, write the files and return the exit status."""
    from mmseg_ros.core.atomic_files import require_writable, write_text
    from mmseg_ros.datasets.check_prompts import shared_images
    from mmseg_ros.datasets.check_prompts_report import (
        prompt_page_of,
        prompt_text_of,
        write_prompt_overlays,
    )
    from mmseg_ros.datasets.refer_reader import splits_of
    from mmseg_ros.metrics.report import write

    require_writable(output / 'data.json')
    splits = args.split or splits_of(args.root, args.split_by)
    reports = [_check(args, split) for split in splits]
    for report in reports:
        print(prompt_text_of(report), end='')
    shared = shared_images(reports)
    for names, count in shared.items():
        print(f'{names} have {count} images in common')
    write_prompt_overlays(reports, output)
    splits_found = [report.plain() for report in reports]
    content = {'root': str(args.root), 'format': PROMPTS, 'splits': splits_found}
    write_text(
        output / 'data.json', json.dumps({**content, 'shared_images': shared}, indent=2) + '\n'
    )
    write(prompt_page_of(args.root, reports, shared), output / 'index.html')
    print(f'{output}/index.html')
    there = [report for report in reports if args.split or not report.error]
    return 0 if there and all(report.is_sound for report in there) else 1


def _check(args: argparse.Namespace, split: str) -> PromptReport:
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.errors import DatasetError
    from mmseg_ros.datasets.check_prompts import PromptReport, check_prompts
    from mmseg_ros.datasets.refer_reader import open_referring

    try:
        source = open_referring(args.root, split, args.split_by, args.images_in)
    except DatasetError as error:
        return PromptReport(split, error=str(error))
    with progress_bar(split) as progress:
        return check_prompts(source, split, args.every, progress)
