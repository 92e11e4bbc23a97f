"""import-checkpoint writes a bundle that loads."""

import pytest

from mmseg_ros.cli import main

torch = pytest.importorskip('torch')


def test_bundle_from_an_authors_checkpoint(tmp_path, capsys):
    from mmseg_models import create_model
    from mmseg_models.reference_weights import export_reference
    from mmseg_ros.inference.bundle import load_bundle

    options = {'encoder': 'mit_b0', 'modalities': ('rgb', 'lidar'), 'decoder_dim': 16}
    model = create_model('stitchfusion', fuse='ffm', adapter='shared', **options)
    torch.save(export_reference(model), tmp_path / 'authors.pth')
    command = ['import-checkpoint', str(tmp_path / 'authors.pth'), '--model', 'stitchfusion']
    command += ['--modalities', 'rgb', 'lidar', '--height', '64', '--width', '96']
    assert main([*command, '--fuse', 'sum', '--output', str(tmp_path / 'bundle')]) == 0
    manifest = load_bundle(tmp_path / 'bundle').manifest
    assert manifest.model_options['encoder'] == 'mit_b0'
    assert manifest.model_options['fuse'] == 'sum'
    assert (manifest.height, manifest.width) == (64, 96)


def test_wrong_file_is_named(tmp_path, capsys):
    command = ['import-checkpoint', str(tmp_path / 'absent.pth'), '--model', 'stitchfusion']
    assert main([*command, '--modalities', 'rgb', '--output', str(tmp_path / 'x')]) == 1
    assert 'absent.pth' in capsys.readouterr().err
