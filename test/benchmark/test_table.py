from mmseg_ros.benchmark.table import key_of, text_of


def report(p50_ms, **other):
    row = {
        'what': 'engine',
        'backend': 'openvino',
        'precision': 'fp32',
        'subset': 'rgb+lidar',
        'graph': 'specialised',
        'min_ms': 9.5,
        'p50_ms': p50_ms,
        'p95_ms': 20.0,
        'peak_mb': 250.5,
        **other,
    }
    failed = {'what': 'engine', 'backend': 'torch', 'error': 'torch is not installed'}
    return {
        'created': '2026-11-22T04:00:00+00:00',
        'machine': {
            'cpu': 'Some CPU',
            'cores': 2,
            'features': ['avx2'],
            'memory_gb': 24.0,
            'load_1min': 0.5,
        },
        'software': {'openvino': '2026.4.1'},
        'bundle': {'name': 'small', 'input': '320x192', 'precision': 'fp32'},
        'rows': [row, failed],
    }


def test_every_case_is_a_line_and_an_error_says_why():
    lines = text_of(report(12.5)).splitlines()
    assert lines[0].startswith('small (320x192, fp32), 2026-11-22')
    assert 'Some CPU, 2 cores (avx2), 24.0 GB, load 0.5' in lines[1]
    row = next(line for line in lines if 'openvino fp32 specialised' in line)
    cells = [cell.strip() for cell in row.split('|')]
    assert cells[2:7] == ['rgb+lidar', '9.5', '12.5', '20', '80']
    assert 'torch is not installed' in lines[-1]
    assert len({len(line) for line in lines[4:]}) == 1


def test_comparison_shows_the_ratio_of_medians_of_the_same_case_only():
    text = text_of(report(12.5), report(25.0))
    assert '| 0.50' in text
    text = text_of(report(12.5), report(25.0, graph='for all subsets'))
    assert '0.50' not in text


def test_a_case_is_known_by_what_was_measured_not_by_its_numbers():
    first, second = report(1.0)['rows'][0], report(2.0)['rows'][0]
    assert key_of(first) == key_of(second)
    assert key_of(first) != key_of({**first, 'subset': 'rgb'})
