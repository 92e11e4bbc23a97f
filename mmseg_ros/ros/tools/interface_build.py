"""Message types that are not installed, built from the definition that a recording holds.

It takes a compiler, cmake and the generators of ROS 2 (`rosidl_default_generators`); ROS from PyPI
has them as packages of the same names. What was built is kept for the next time.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import ConfigError

_SECTION = re.compile(r'^=+\s*\nMSG: (\S+)\s*\n', re.MULTILINE)
_TYPE = re.compile(r'([a-z][a-z0-9_]*)/(?:msg/)?([A-Z][A-Za-z0-9]*)')
_MEMBER = re.compile(r'^\s*([a-z][a-z0-9_]*)/(?:msg/)?[A-Z]\w*', re.MULTILINE)
_LONGEST_BUILD_S = 300
_SHOWN_LINES = 3

# The first block is for ROS from PyPI, which lives under the Python environment, the second one
# drops include folders that its packages name and that exist only where they were made.
_CMAKE = """cmake_minimum_required(VERSION 3.20)
project({package})
if(NOT DEFINED ENV{{AMENT_PREFIX_PATH}})
  set(ENV{{AMENT_PREFIX_PATH}} {prefix})
  list(PREPEND CMAKE_PREFIX_PATH {prefix})
endif()
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
foreach(_p service_msgs builtin_interfaces {dependencies})
  find_package(${{_p}} REQUIRED)
endforeach()
get_property(_imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(_t ${{_imported}})
  get_target_property(_inc ${{_t}} INTERFACE_INCLUDE_DIRECTORIES)
  if(_inc)
    set(_keep)
    foreach(_d ${{_inc}})
      if(_d MATCHES "^\\\\$<" OR EXISTS "${{_d}}")
        list(APPEND _keep "${{_d}}")
      endif()
    endforeach()
    set_target_properties(${{_t}} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${{_keep}}")
  endif()
endforeach()
rosidl_generate_interfaces(${{PROJECT_NAME}} {files} DEPENDENCIES {dependencies})
ament_export_dependencies(rosidl_default_runtime)
ament_package()
"""
_PACKAGE = """<?xml version="1.0"?>
<package format="3">
  <name>{package}</name><version>0.0.0</version>
  <description>Built from the definitions in a recording.</description>
  <maintainer email="nobody@example.com">nobody</maintainer><license>unknown</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  {depends}
  <member_of_group>rosidl_interface_packages</member_of_group>
</package>
"""


def built_message_class(type_name: str, definition: str, cache: Path | None = None) -> Any:
    """Return the rclpy class of a message type, building its package if that was not done yet.

    Args:
        type_name: As `package/msg/Name`.
        definition: Text of the type and of all that it needs, as MCAP files hold it.
        cache: Where packages are kept; `mmseg_ros/interfaces` in the user's cache by default.

    Raises:
        ConfigError: The definition is none, or a tool or a package is missing; it is named.
    """
    package, _, name = type_name.partition('/msg/')
    texts = _messages_of(package, name, definition)
    cache = cache or _cache_folder()
    key = hashlib.sha256(repr((sys.version_info[:2], sorted(texts.items()))).encode())
    folder = cache / f'{package}-{key.hexdigest()[:16]}'
    if not folder.is_dir():
        _build(package, texts, folder)
    try:
        return _loaded(package, name, folder)
    except (ImportError, OSError, AttributeError) as error:
        raise ConfigError(
            f'{folder}: the built message type {type_name} cannot be loaded ({error}); remove the '
            'folder to build it again.'
        ) from error


def _messages_of(package: str, name: str, definition: str) -> dict[str, str]:
    """Return the text of each message of the package in a definition, by name."""
    if not _TYPE.fullmatch(f'{package}/{name}'):
        raise ConfigError(f'{package}/msg/{name} is no name of a message type.')
    first, *rest = _SECTION.split(definition)
    texts = {name: first}
    for full, text in zip(rest[::2], rest[1::2], strict=True):
        match = _TYPE.fullmatch(full)
        if match and match[1] == package:
            texts[match[2]] = text
    if not first.strip():
        raise ConfigError(f'the recording holds no definition of {package}/msg/{name}.')
    return texts


def _build(package: str, texts: dict[str, str], folder: Path) -> None:
    names = {match for text in texts.values() for match in _MEMBER.findall(text)}
    dependencies = sorted({'std_msgs', *names} - {package, 'builtin_interfaces'})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        source = Path(work)
        (source / 'msg').mkdir()
        for name, text in texts.items():
            (source / 'msg' / f'{name}.msg').write_text(text)
        depends = ''.join(f'<depend>{name}</depend>' for name in dependencies)
        (source / 'package.xml').write_text(_PACKAGE.format(package=package, depends=depends))
        fields = {
            'package': package,
            'prefix': sys.prefix,
            'dependencies': ' '.join(dependencies),
            'files': ' '.join(f'"msg/{name}.msg"' for name in texts),
        }
        (source / 'CMakeLists.txt').write_text(_CMAKE.format(**fields))
        _cmake('-S', work, '-B', f'{work}/build', f'-DCMAKE_INSTALL_PREFIX={work}/install',
               f'-DPython3_EXECUTABLE={sys.executable}', '-DBUILD_TESTING=OFF')  # fmt: skip
        _cmake('--build', f'{work}/build')
        _cmake('--install', f'{work}/build')
        # Complete or not there at all, whoever else builds the same.
        if not folder.is_dir():
            (source / 'install').rename(folder)


def _cmake(*arguments: str) -> None:
    tool = shutil.which('cmake')
    if tool is None:
        raise ConfigError('it cannot be built: cmake is not installed.')
    environment = dict(os.environ)
    environment['PATH'] = f'{Path(sys.executable).parent}{os.pathsep}{environment.get("PATH", "")}'
    try:
        done = subprocess.run(
            [tool, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=_LONGEST_BUILD_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f'it cannot be built ({error}).') from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ConfigError(f'it cannot be built: {" ".join(lines[:_SHOWN_LINES])}')


def _loaded(package: str, name: str, folder: Path) -> Any:
    # The middleware asks for libraries by their bare names: those that are loaded are found.
    waiting = sorted(folder.glob(f'lib/lib{package}__*.so'))
    while waiting:
        failed = [library for library in waiting if not _is_loadable(library)]
        if len(failed) == len(waiting):
            ctypes.CDLL(str(failed[0]))  # raises with the reason
        waiting = failed
    module = next(folder.glob(f'lib/python*/site-packages/{package}/msg/__init__.py'), None)
    if module is None:
        raise ImportError(f'no Python module of {package} was built')
    sys.path.insert(0, str(module.parents[2]))
    importlib.invalidate_caches()
    return getattr(importlib.import_module(f'{package}.msg'), name)


def _is_loadable(library: Path) -> bool:
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _cache_folder() -> Path:
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmseg_ros' / 'interfaces'
