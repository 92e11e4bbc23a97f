"""What the launch files use of launch and launch_ros, for machines that have neither.

Entities are visited as the real ones are: arguments keep what an outer file set, groups end the
settings made inside, includes do not. What would be started is recorded instead.
"""

import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]


class PackageNotFoundError(KeyError):
    """As of ament_index_python."""


@dataclass
class Context:
    configurations: dict[str, str] = field(default_factory=dict)
    namespace: str = ''
    started: list[Any] = field(default_factory=list)

    @contextmanager
    def scope(self):
        kept = dict(self.configurations), self.namespace
        yield
        self.configurations, self.namespace = kept


@dataclass
class LaunchDescription:
    entities: list[Any]

    def get_launch_arguments(self):
        return [item for item in self.entities if isinstance(item, DeclareLaunchArgument)]


@dataclass
class DeclareLaunchArgument:
    name: str
    default_value: str
    description: str

    def visit(self, context):
        context.configurations.setdefault(self.name, self.default_value)
        return []


@dataclass
class LaunchConfiguration:
    name: str

    def perform(self, context):
        return context.configurations[self.name]


@dataclass
class OpaqueFunction:
    function: Any

    def visit(self, context):
        return self.function(context)


@dataclass
class PythonLaunchDescriptionSource:
    path: str

    def get_launch_description(self, context):
        return load(self.path).generate_launch_description()


@dataclass
class IncludeLaunchDescription:
    source: PythonLaunchDescriptionSource
    launch_arguments: Any = ()

    def visit(self, context):
        context.configurations.update(self.launch_arguments)
        return self.source.get_launch_description(context).entities


@dataclass
class GroupAction:
    actions: list[Any]

    def visit(self, context):
        with context.scope():
            run(self.actions, context)
        return []


@dataclass
class PushRosNamespace:
    namespace: str

    def visit(self, context):
        context.namespace = joined(context.namespace, self.namespace)
        return []


@dataclass
class ParameterValue:
    value: Any
    value_type: type


@dataclass
class EnvironmentVariable:
    name: str
    default_value: str


@dataclass
class SetEnvironmentVariable:
    name: str
    value: EnvironmentVariable

    def visit(self, context):
        return []


class Started:
    """A node or process; `full_namespace` is where it would run."""

    def __init__(self, **options):
        self.options = options

    def visit(self, context):
        self.full_namespace = joined(context.namespace, self.options.get('namespace', ''))
        context.started.append(self)
        return []


class Node(Started):
    pass


class ExecuteProcess(Started):
    pass


def joined(outer, inner):
    return inner if inner.startswith('/') else '/'.join(part for part in (outer, inner) if part)


def run(entities, context):
    for entity in entities:
        run(entity.visit(context), context)


def load(path):
    spec = importlib.util.spec_from_file_location('launch_file', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(monkeypatch, packages=()):
    """Stand in for the modules; `packages` are the ROS packages that are there beside ours."""

    def get_package_prefix(name):
        if name not in packages:
            raise PackageNotFoundError(name)
        return str(ROOT)

    here = globals()
    contents = {
        'launch': ('LaunchDescription',),
        'launch.actions': ('DeclareLaunchArgument', 'ExecuteProcess', 'GroupAction',
                           'IncludeLaunchDescription', 'OpaqueFunction', 'SetEnvironmentVariable'),
        'launch.launch_description_sources': ('PythonLaunchDescriptionSource',),
        'launch.substitutions': ('EnvironmentVariable', 'LaunchConfiguration'),
        'launch_ros': (),
        'launch_ros.actions': ('Node', 'PushRosNamespace'),
        'launch_ros.parameter_descriptions': ('ParameterValue',),
        'ament_index_python': (),
        'ament_index_python.packages': ('PackageNotFoundError',),
    }  # fmt: skip
    for name, members in contents.items():
        module = ModuleType(name)
        for member in members:
            setattr(module, member, here[member])
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules['launch'].LaunchContext = Context
    index = sys.modules['ament_index_python.packages']
    index.get_package_prefix = get_package_prefix
    index.get_package_share_directory = lambda name: str(ROOT)


def launched(path, arguments, context=None):
    """Return what `ros2 launch PATH ARGUMENTS` would start, in order."""
    context = context or Context()
    context.configurations.update(arguments)
    run(load(path).generate_launch_description().entities, context)
    return context.started
