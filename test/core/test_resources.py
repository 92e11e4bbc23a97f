import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.resources import bundle_directory, config_file, share_directory


def test_share_directory_holds_what_is_installed():
    assert (share_directory() / 'package.xml').is_file()
    assert config_file('label_spaces/deliver.yaml').is_file()


def test_bundle_by_path_and_unknown_bundle(tmp_path):
    assert bundle_directory(str(tmp_path)) == tmp_path
    with pytest.raises(ConfigError, match='none named'):
        bundle_directory('no-such-bundle')


def test_unknown_config_file_lists_those_there_are():
    with pytest.raises(ConfigError, match=r'deliver\.yaml'):
        config_file('nothing.yaml')
