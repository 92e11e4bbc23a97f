"""`mmseg_ros evaluate --robustness`: one sensor fault after another, one matrix."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ros.commands.finished import begin
from mmseg_ros.commands.scored import ROBUSTNESS_FILE, Scored, metrics_text
from mmseg_ros.core.atomic_files import write_text

if TYPE_CHECKING:
    from mmseg_ros.evaluation.bag_sweep import BagSweep
    from mmseg_ros.evaluation.data_set_sweep import DataSetSweep
    from mmseg_ros.evaluation.stopping import Stopped
    from mmseg_ros.evaluation.sweep import SweepOptions
    from mmseg_ros.inference.bundle import Bundle
    from mmseg_ros.inference.deterministic_backend import SettledBackend

TABLE_FILE = 'robustness.csv'
PAGE_FILE = 'robustness.html'
PARTS_FOLDER = 'robustness_parts'


def sweep_source(
    args: argparse.Namespace,
    source: Path,
    name: str,
    output: Path,
    key: str,
    is_data_set: bool,
    stopped: Stopped,
) -> Scored:
    """Sweep one source with one bundle, write what came out and return it.

    Args:
        args: Of the verb.
        source: Bag or data set.
        name: Of the bundle.
        output: Folder to write to.
        key: Of the run, for --resume.
        is_data_set: Whether the source is a data set.
        stopped: Asked after every frame whether to end with what there is.

    Raises:
        MmsegError: The source or the bundle cannot be used.
    """
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.model_config import ModelConfig
    from mmseg_ros.evaluation.network import loaded_network
    from mmseg_ros.evaluation.sweep_parts import PartStore, run_parts
    from mmseg_ros.inference.bundle import load_bundle
    from mmseg_ros.metrics.sweep_report import sweep_text

    bundle = load_bundle(name)
    options = sweep_options(args)
    model = ModelConfig(backend=args.backend, threads=args.threads, precision=args.precision)
    with loaded_network(bundle, model) as backend:
        make = _data_set_sweep if is_data_set else _bag_sweep
        sweep = make(args, source, bundle, backend, options, stopped)
        parts = sweep.parts()
        store = PartStore(output / PARTS_FOLDER, key, args.resume)
        with progress_bar('robustness') as told:
            results = run_parts(parts, store, told, stopped)
        content = _content(source, bundle, backend, sweep, options, results)
    if len(results) < len(parts):
        content['interrupted'] = {'parts': len(results), 'of': len(parts)}
    begin(output / ROBUSTNESS_FILE)
    write_text(output / ROBUSTNESS_FILE, metrics_text(content))
    _write_tables(content, output)
    sys.stdout.write(sweep_text(content))
    sys.stdout.writelines(
        f'{output / file}\n' for file in (ROBUSTNESS_FILE, TABLE_FILE, PAGE_FILE)
    )
    return Scored(content, '')


def _write_tables(content: dict[str, Any], output: Path) -> None:
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.score_table import write_csv
    from mmseg_ros.metrics.sweep_report import sweep_report

    head = {'source': content['source']['name'], 'bundle': content['bundle']['name']}
    write_csv(output / TABLE_FILE, [head | row for row in content['faults']])
    report.write(sweep_report(content), output / PAGE_FILE)


def sweep_options(args: argparse.Namespace) -> SweepOptions:
    """Return how much is done, with the protocols where torch is installed."""
    from mmseg_ros.evaluation.sweep import SweepOptions

    try:
        from mmseg_models.protocol_scores import score_protocols
    except ImportError as error:
        reason = f'they compute in torch ({error}); install mmseg_ros[train]'
        return SweepOptions(args.quick, args.every, None, reason, args.aspect)
    return SweepOptions(args.quick, args.every, score_protocols, aspect=args.aspect)


def _bag_sweep(
    args: argparse.Namespace,
    source: Path,
    bundle: Bundle,
    backend: SettledBackend,
    sweep: SweepOptions,
    stopped: Stopped,
) -> BagSweep:
    from mmseg_ros.commands.bag_scores import options_of
    from mmseg_ros.evaluation.bag_sweep import BagSweep

    return BagSweep(source, bundle, backend, options_of(args, bundle), sweep, stopped)


def _data_set_sweep(
    args: argparse.Namespace,
    source: Path,
    bundle: Bundle,
    backend: SettledBackend,
    sweep: SweepOptions,
    stopped: Stopped,
) -> DataSetSweep:
    from mmseg_ros.commands.data_set_scores import held_modalities, open_data_set
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.evaluation.data_set_sweep import DataSetSweep

    if args.classes:
        raise ConfigError('--robustness needs labels in the classes of the bundle, not --classes.')
    dataset = open_data_set(args, source, bundle, None)
    held = held_modalities(source, bundle.manifest.modality_names, args.format)
    return DataSetSweep(dataset, held, bundle, backend, sweep, stopped)


def _content(
    source: Path,
    bundle: Bundle,
    backend: SettledBackend,
    sweep: BagSweep | DataSetSweep,
    options: SweepOptions,
    results: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the content of robustness.json."""
    from mmseg_ros.evaluation.sweep import PROTOCOLS, UNDISTURBED, sweep_rows
    from mmseg_ros.evaluation.sweep_cases import fault_texts

    if UNDISTURBED not in results:
        raise KeyboardInterrupt  # there is nothing to show yet
    manifest = bundle.manifest
    rows = sweep_rows(sweep.cases, results)
    protocols = results.get(PROTOCOLS, {})
    not_run = dict(sweep.not_run)
    if protocols.get('fault'):
        not_run['EMM, RMM, NM'] = protocols['fault']
    clean = results[UNDISTURBED]
    return {
        'schema_version': 1,
        'source': {'name': source.name, 'moments': sweep.moments},
        'bundle': {
            'name': manifest.name,
            'modalities': list(manifest.modality_names),
            'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
        },
        'options': {
            'quick': options.quick,
            'every': options.every,
            'aspect': options.aspect,
            'backend': backend.name,
            'precision': backend.precision,
        },
        'scores': [{'miou': clean['miou'], 'frames': clean['frames']}],
        'robustness': clean['subsets'],
        'faults': rows,
        'fault_texts': fault_texts(),
        'not_run': not_run,
        'protocols': protocols.get('scores', {}),
    }
