"""`ros2 launch mmseg_ros rig.launch.py rig:=FILE`: a node per camera, then merger and bag."""

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace

from launch import LaunchContext, LaunchDescription
from mmseg_ros.core.rig_file import read_merger, read_rig_file

SHARE = Path(get_package_share_directory('mmseg_ros'))
ONE_NODE = str(SHARE / 'launch' / 'mmseg.launch.py')

ARGUMENTS = {
    'rig': (str(SHARE / 'config' / 'rigs' / 'front_rear.yaml'), 'Rig file: the cameras.'),
    'namespace': ('', "Namespace above the cameras' own."),
    'use_sim_time': ('', 'Whether to take the time from /clock.'),
    'autostart': ('', 'Whether the nodes configure and activate themselves.'),
    'log_level': ('', 'debug, info, warn, error or fatal.'),
    'respawn': ('', 'Whether to start a node again, after 2 s, when it has ended.'),
    'bag': ('', 'Bag to play with /clock; none if empty.'),
    'bag_rate': ('', 'How fast to play it; 1.0 if empty.'),
    'bag_loop': ('', 'Whether to play it again and again.'),
}
RESPAWN_DELAY_S = 2.0
OF_EVERY_NODE = ('use_sim_time', 'autostart', 'log_level', 'respawn')
OF_THE_BAG = ('bag', 'bag_rate', 'bag_loop')


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=_nodes),
        ]
    )


def _nodes(context: LaunchContext) -> list[Any]:
    """Return one group per camera; arguments given here count more than the rig file."""
    argument = {name: LaunchConfiguration(name).perform(context).strip() for name in ARGUMENTS}
    source = PythonLaunchDescriptionSource(ONE_NODE)
    declared = source.get_launch_description(context).get_launch_arguments()
    defaults = {item.name: '' for item in declared}
    given = {name: argument[name] for name in OF_EVERY_NODE if argument[name]}
    # One player serves all, so it comes with the first camera.
    bag = {name: argument[name] for name in OF_THE_BAG if argument[name]}
    groups = []
    for name, own in read_rig_file(Path(argument['rig']).expanduser(), defaults).items():
        # Every argument is set: what is left out would be taken from this file's own arguments.
        values = {**defaults, **own, **given, **bag, 'namespace': name}
        groups.append(_group(argument['namespace'], values))
        bag = {}
    merger = read_merger(Path(argument['rig']).expanduser())
    return groups if merger is None else [*groups, _merger(argument, merger)]


def _merger(argument: dict[str, str], parameters: dict[str, Any]) -> Node:
    """Return the node that joins the labeled clouds of the cameras."""
    clock = {'use_sim_time': True} if argument['use_sim_time'].lower() in ('true', '1') else {}
    return Node(
        package='mmseg_ros',
        executable='cloud_merger',
        name='cloud_merger',
        namespace=argument['namespace'],
        output='screen',
        parameters=[{**parameters, **clock}],
        ros_arguments=['--log-level', argument['log_level']] if argument['log_level'] else [],
        respawn=argument['respawn'].lower() in ('true', '1'),
        respawn_delay=RESPAWN_DELAY_S,
    )


def _group(above: str, values: dict[str, str]) -> GroupAction:
    include = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(ONE_NODE), launch_arguments=values.items()
    )
    return GroupAction([*([PushRosNamespace(above)] if above else []), include])
