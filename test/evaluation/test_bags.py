"""A bundle scored on a bag: the numbers follow from the labels, and two runs are the same."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError, ConfigError
from mmseg_ros.core.types import CloudData, ImageData, SensorSample
from mmseg_ros.evaluation.bags import evaluate
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.metrics.bootstrap import mean_iou
from mmseg_ros.metrics.frame_counts import totals

MODALITIES = ('rgb', 'depth', 'event', 'lidar')


def test_scores_follow_from_the_labels(bag_path, bundle):
    result = evaluate(bag_path, bundle, EvaluationOptions('all'))
    metrics = result.metrics
    assert metrics['sets']['count'] == 10
    total = metrics['recorded'][0]
    assert (total['sets'], total['miou'], total['pixel_accuracy']) == (10, 1.0, 1.0)
    assert total['pixels'] == 10 * 31 * 48
    assert total['points'] > 100
    assert total['point_accuracy'] > 0.98
    by_sensors = {tuple(row['available']): row for row in metrics['recorded'][1:]}
    assert by_sensors[MODALITIES]['sets'] == 8
    assert by_sensors['rgb', 'event', 'lidar']['sets'] == 2
    withheld = {tuple(row['available']): row for row in metrics['robustness']}
    assert len(withheld) == 15
    assert withheld['rgb',]['retained'] == 1.0
    assert withheld['depth', 'event', 'lidar']['miou'] == 0.25
    assert all(row['sets'] == 8 for row in metrics['withheld'])
    assert len(result.figures) == 3
    assert result.stage_ms[MODALITIES]['infer']['p50'] > 0
    assert metrics['reliability']['ece'] == 0.0, 'it is sure and right'
    assert by_sensors[MODALITIES]['ece'] == 0.0
    withheld_ece = {tuple(row['available']): row['ece'] for row in metrics['withheld']}
    assert withheld_ece['lidar',] == 0.5, 'it is sure and right in half of the image'


def test_counts_of_frames_add_up_to_the_scores(bag_path, bundle):
    metrics = evaluate(bag_path, bundle, EvaluationOptions('all')).metrics
    frames, total = metrics['frames'], metrics['recorded'][0]
    assert len(frames) == 10
    assert len({frame['name'] for frame in frames}) == 10
    assert [len(frame['scores']) for frame in frames] == [15] * 8 + [1] * 2
    assert frames[-1]['available'] == 'rgb+event+lidar'
    for key, pixels in (('pixels', total['pixels']), ('points', total['points'])):
        classes, correct = totals(frames, '', 2, key)
        assert correct.sum(0)[1] == pixels
        name = 'miou' if key == 'pixels' else 'point_miou'
        assert mean_iou(classes.sum(0)[None])[0] == pytest.approx(total[name], abs=1e-6)
    without = totals(frames, 'depth+event+lidar', 2)[0]
    assert mean_iou(without.sum(0)[None])[0] == 0.25


def test_two_runs_give_the_same_metrics(bag_path, bundle):
    texts = {
        json.dumps(evaluate(bag_path, bundle, EvaluationOptions()).metrics, allow_nan=False)
        for _ in range(2)
    }
    assert len(texts) == 1


def test_a_bag_without_truth_is_counted_and_not_scored(tmp_path, bundle, rig, sensor_samples):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(0, rig)
        for sample in sensor_samples:
            bag.write_sample(sample)
    done = []
    result = evaluate(
        tmp_path / 'b', bundle, EvaluationOptions('none', every=2), lambda *a: done.append(a)
    )
    total = result.metrics['recorded'][0]
    assert total['sets'] == 5
    assert total['miou'] is None
    assert done[-1] == (9, 10)
    from mmseg_ros.metrics.report import render
    from mmseg_ros.metrics.score_report import score_report

    page = render(score_report(result.metrics, result.stage_ms, result.figures))
    assert 'no /truth/labels' in page


def test_a_faster_depth_camera_leaves_the_figures_spread_over_the_recording(
    tmp_path, bundle, rig, sensor_samples
):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(0, rig)
        for sample in sensor_samples:
            bag.write_sample(sample)
            for part in (1, 2) if sample.modality == 'depth' else ():
                after_ns = 33_000_000 * part
                stamps = sample.stamp_ns + after_ns, sample.received_ns + after_ns
                bag.write_sample(replace(sample, stamp_ns=stamps[0], received_ns=stamps[1]))
    done = []
    result = evaluate(
        tmp_path / 'b', bundle, EvaluationOptions('none', figures=3), lambda *a: done.append(a)
    )
    assert len(result.figures) == 3
    assert done[-1] == (10, 10)


def test_a_run_that_is_stopped_says_how_far_it_came(bag_path, bundle):
    answers = iter([False, False, True])
    result = evaluate(bag_path, bundle, EvaluationOptions('none'), stopped=lambda: next(answers))
    assert result.metrics['interrupted'] == {'frames': 3}
    assert len(result.metrics['frames']) == 3
    assert result.metrics['recorded'][0]['sets'] == 3


def test_malformed_empty_and_unalignable_samples_are_named(tmp_path, bundle, rig, sensor_samples):
    behind = sensor_samples[3].payload.points.copy()
    behind['x'] = -20 - np.abs(behind['x'])
    clouds = [behind, behind[::-1].copy(), behind[:0]]
    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(0, rig)
        for sample in sensor_samples[:12]:
            if sample.modality == 'lidar':
                points = clouds.pop(0)
                cloud = CloudData(points, 1, len(points))
                sample = SensorSample('lidar', sample.stamp_ns, 'lidar', cloud, sample.received_ns)
            bag.write_sample(sample)
        bag.write_raw('/depth/image', 'sensor_msgs/msg/Image', 2**62, b'\0\1\0\0abc')
    metrics = evaluate(tmp_path / 'b', bundle, EvaluationOptions('none')).metrics
    assert metrics['malformed']['depth']['count'] == 1
    assert metrics['malformed']['lidar'] == {
        'count': 1,
        'reason': 'The cloud is empty: it has 0 points.',
    }
    assert set(metrics) >= {'dropped', 'lost', 'intensity'}
    assert metrics['rejected']['lidar']['count'] == 2
    assert metrics['recorded'][1]['available'] == ['rgb', 'depth', 'event']


def test_a_bag_without_any_sensor_lists_its_topics(tmp_path, bundle):
    with BagWriter(tmp_path / 'b') as bag:
        image = ImageData(np.zeros((4, 4, 3), np.uint8))
        bag.write_sample(SensorSample('thermal', 0, '', image))
    with pytest.raises(BagError, match='/thermal/image_raw'):
        evaluate(tmp_path / 'b', bundle, EvaluationOptions())
    with pytest.raises(ConfigError, match='none, drops, all'):
        evaluate_unknown_subsets(tmp_path, bundle)


def evaluate_unknown_subsets(tmp_path, bundle):
    with BagWriter(tmp_path / 'c') as bag:
        image = ImageData(np.zeros((4, 4, 3), np.uint8))
        bag.write_sample(SensorSample('rgb', 0, 'rgb_optical', image))
    evaluate(tmp_path / 'c', bundle, EvaluationOptions('some'))


def test_the_command_writes_both_files(bag_path, bundle, tmp_path, monkeypatch, capsys):
    from mmseg_ros import cli
    from mmseg_ros.inference import bundle as bundles

    monkeypatch.setattr(bundles, 'load_bundle', lambda name: bundle)
    output = tmp_path / 'scores'
    assert cli.main(['evaluate', str(bag_path), '--output', str(output)]) == 0
    metrics = json.loads((output / 'metrics.json').read_text())
    assert metrics['bag']['name'] == 'drive'
    page = (output / 'report.html').read_text()
    assert 'When sensors are missing' in page
    assert page.count('<img') >= 3 * 7
    assert 'expected calibration error' in page
    table = list(csv.DictReader((output / 'scores.csv').open()))
    assert [row['table'] for row in table] == ['recorded'] * 3 + ['withheld'] * 5
    assert float(table[0]['iou/left']) == metrics['recorded'][0]['class_iou']['left']
    assert table[-1]['subset'] == 'depth+event+lidar'
    assert str(output / 'report.html') in capsys.readouterr().out
    assert cli.main(['evaluate', str(bag_path), '--every', '0']) == 1
