"""Finds the files that are installed beside the code: config/, launch/ and models/zoo/."""

from __future__ import annotations

from pathlib import Path

from mmseg_ros.core.errors import ConfigError

PACKAGE_NAME = 'mmseg_ros'
DEFAULT_BUNDLE = 'stitchfusion-lite0-sim'
"""The network that every verb and the node take if none is named."""


def share_directory() -> Path:
    """Return the folder that holds package.xml, config/, launch/ and models/zoo/.

    That is `<prefix>/share/mmseg_ros` after `colcon build` or `pip install .`, and the source
    tree after `pip install -e .` or `colcon build --symlink-install`.

    Raises:
        ConfigError: The installation lacks its data files.
    """
    here = Path(__file__)
    # Resolved first: a symlink install has only a part of the data files beside its links.
    for start in (here.resolve(), here):
        for parent in start.parents:
            for candidate in (parent / 'share' / PACKAGE_NAME, parent):
                if (candidate / 'package.xml').is_file() and (candidate / 'config').is_dir():
                    return candidate
    raise ConfigError(
        f'No share/{PACKAGE_NAME} folder stands above {here}; install the package again with '
        '`colcon build`, `pip install .` or `pip install -e .`.'
    )


def config_file(name: str) -> Path:
    """Return the path of `config/<name>`.

    Raises:
        ConfigError: There is no such file; the message lists those there are.
    """
    folder = share_directory() / 'config'
    path = folder / name
    if not path.is_file():
        there = ', '.join(sorted(str(p.relative_to(folder)) for p in folder.rglob('*.yaml')))
        raise ConfigError(f'{path} does not exist; config/ holds: {there}.')
    return path


def bundle_directory(name_or_path: str) -> Path:
    """Return the folder of a model bundle, given as a path or as a name in models/zoo/.

    Raises:
        ConfigError: Neither exists; the message lists the shipped bundles.
    """
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return path
    zoo = share_directory() / 'models' / 'zoo'
    if name_or_path and (zoo / name_or_path).is_dir():
        return zoo / name_or_path
    there = ', '.join(sorted(p.name for p in zoo.glob('*') if p.is_dir())) or 'none'
    raise ConfigError(
        f'No model bundle at {path} and none named {name_or_path!r} in {zoo}; shipped: {there}.'
    )
