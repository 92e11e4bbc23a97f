"""The command line: `python -m mmseg_ros VERB`.

Only the chosen verb's module is imported, so `--help` needs neither torch nor ROS.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from mmseg_ros import __version__
from mmseg_ros.commands import failures
from mmseg_ros.commands.aliases import modern

DEBUG = '--debug'

_MODULES = {'import': 'import_folder'}
"""Modules of verbs whose name is a word of Python."""

VERBS: dict[str, str] = {
    'benchmark': 'measure the engine, the pipeline and the live node',
    'build-engine': 'build the TensorRT engines of a bundle',
    'calibration': 'show a calibration of any known format, or convert it',
    'check-data': 'look at every frame of a data set: labels, sizes, missing and damaged files',
    'compare': 'compare two evaluations frame by frame, for people and for CI',
    'demo': 'simulate a sequence, play it to the node over DDS, drop sensors, write a report',
    'evaluate': 'run a bundle over a bag or a data set and score it',
    'export': 'turn a training run into a bundle, or a bundle into another precision',
    'import': 'turn a folder of KITTI, nuScenes or images into a bag with calibration',
    'import-checkpoint': "turn an authors' checkpoint into a bundle",
    'import-onnx': 'turn a network that others trained, an ONNX file, into a bundle',
    'info': 'show what is installed and which bundles there are',
    'inspect': 'show rates, gaps and clock offsets of the topics of a bag',
    'leaderboard': 'score every shipped bundle on one source',
    'play': 'publish a bag over DDS',
    'project-check': 'draw LiDAR points over the camera image',
    'prompt': 'send text prompts to the running node',
    'record': 'record topics into a bag',
    'repair': 'rescue the whole messages of a damaged bag',
    'segment-text': 'segment what text prompts name in an image or a bag',
    'simulate': 'make synthetic sequences: bags or a training data set',
    'train': 'train a model from a recipe',
    'up': 'run node(s), player and view together, with one log',
    'view': 'serve a page that shows the running node, or a bag',
}


def build_parser(verb: str | None) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of `verb` filled in."""
    parser = argparse.ArgumentParser(prog='mmseg_ros', description=__doc__.split('\n')[0])
    parser.add_argument(
        DEBUG, action='store_true', help='print the traceback of an error too (any verb)'
    )
    parser.add_argument('--version', action='version', version=f'mmseg_ros {__version__}')
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    for name, text in VERBS.items():
        child = verbs.add_parser(
            name, help=text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == verb:
            _module(name).add_arguments(child)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb, and say in one line on stderr what ended it early.

    Returns:
        0 on success, 1 on failure, 2 on wrong usage, 70 on a fault of the program, 130 when
        interrupted, 141 when the reader of the output is gone.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    words = modern([word for word in given if word != DEBUG])
    verb = next((word for word in words if word in VERBS), None)
    _prepare_streams()
    try:
        status = _run(words)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        return failures.report(error, verb, DEBUG in given)
    return status


def _run(words: Sequence[str]) -> int:
    verb = next((word for word in words if not word.startswith('-')), None)
    parser = build_parser(verb)
    for word in words:
        if '\0' in word:
            parser.error(f'{word!r} holds a NUL character')
    arguments, overrides = parser.parse_known_args(words)
    module = _module(arguments.verb)
    if getattr(module, 'TAKES_OVERRIDES', False):
        arguments.overrides = overrides  # read by the verb's own, dataclass-based parser
    elif overrides:
        parser.error(f'unrecognized arguments: {" ".join(overrides)}')
    return int(module.run(arguments))


def _prepare_streams() -> None:
    """Make printing possible where a stream is closed or a name is not valid Unicode."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def _module(verb: str) -> ModuleType:
    name = _MODULES.get(verb, verb.replace('-', '_'))
    return importlib.import_module(f'mmseg_ros.commands.{name}')
