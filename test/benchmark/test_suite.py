import json

import pytest

from mmseg_ros import cli
from mmseg_ros.benchmark.suite import BenchmarkConfig, run_benchmark
from mmseg_ros.benchmark.timing import summary, time_call
from mmseg_ros.benchmark.workload import subsets_to_measure
from mmseg_ros.core.errors import BundleError


def test_subsets_are_the_full_one_each_drop_and_fewer():
    assert subsets_to_measure(('a', 'b', 'c', 'd')) == [
        ('a', 'b', 'c', 'd'),
        ('b', 'c', 'd'),
        ('a', 'c', 'd'),
        ('a', 'b', 'd'),
        ('a', 'b', 'c'),
        ('a', 'b'),
        ('a',),
    ]
    assert subsets_to_measure(('a',)) == [('a',)]


def test_quantiles_are_of_the_calls():
    calls = []
    found = time_call(lambda: calls.append(1), 0.0)
    assert len(found) == len(calls) >= 5
    assert summary([1.0, 2.0, 3.0, 4.0, 100.0]) == {
        'min_ms': 1.0,
        'p50_ms': 3.0,
        'p95_ms': 80.8,
        'p99_ms': 96.16,
        'count': 5,
    }


def test_a_report_has_the_machine_the_bundle_and_a_row_per_case(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    told = []
    report = run_benchmark(
        BenchmarkConfig(
            bundle=str(bundle.path),
            parts=('engine',),
            backends=('onnxruntime',),
            subsets=('rgb+lidar', 'lidar'),
            threads=1,
            seconds=0.0,
        ),
        told.append,
    )
    assert [row['subset'] for row in report['rows']] == ['rgb+lidar', 'lidar', 'rgb+lidar']
    assert report['rows'][-1]['graph'] == 'for all subsets'
    assert all(row['min_ms'] > 0 and row['peak_mb'] > 20 for row in report['rows'])
    assert report['bundle']['name'] == 'tiny'
    assert len(report['bundle']['sha256']) == 64
    assert report['machine']['cores'] >= 1
    assert 'onnxruntime' in report['software']
    assert told == ['engine alone on onnxruntime']
    json.dumps(report)


def test_a_backend_that_does_not_work_is_a_row_with_its_reason(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    config = BenchmarkConfig(
        bundle=str(bundle.path), parts=('engine',), backends=('caffe',), seconds=0.0
    )
    (row,) = run_benchmark(config, lambda text: None)['rows']
    assert "no backend 'caffe'" in row['error']


def test_a_subset_of_other_modalities_is_rejected(make_bundle):
    bundle = make_bundle(modalities=('rgb', 'lidar'))
    config = BenchmarkConfig(bundle=str(bundle.path), subsets=('lidar+rgb',))
    with pytest.raises(BundleError, match=r'lidar\+rgb must name modalities'):
        run_benchmark(config, lambda text: None)


def test_the_verb_prints_writes_and_compares(make_bundle, tmp_path, capsys):
    bundle = make_bundle(modalities=('rgb',))
    report = tmp_path / 'out' / 'report.json'
    given = ['benchmark', '--bundle', str(bundle.path), '--parts', 'engine', '--seconds', '0.05']
    given += ['--backends', 'onnxruntime', '--threads', '1']
    assert cli.main([*given, '--output', str(report)]) == 0
    assert 'onnxruntime as exported specialised' in capsys.readouterr().out
    assert cli.main([*given, '--compare', str(report)]) == 0
    assert 'p50 / other' in capsys.readouterr().out
    report.write_text('[]')
    assert cli.main([*given, '--compare', str(report)]) == 1
    assert 'not a report of this command' in capsys.readouterr().err
