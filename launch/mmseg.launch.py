"""`ros2 launch mmseg_ros mmseg.launch.py`: the node, and on request rviz2 and a bag.

An argument that is not given (empty) sets nothing: the parameter file decides, then the node.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription
from mmseg_ros.core.model_config import RUNTIMES
from mmseg_ros.core.node_arguments import PARAMETERS, TOPICS

SHARE = Path(get_package_share_directory('mmseg_ros'))
FAST_DDS_PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'

ARGUMENTS = {
    'namespace': ('', 'Namespace of the node and of its relative topics.'),
    'params_file': (str(SHARE / 'config' / 'mmseg.yaml'), 'Parameter file.'),
    'use_sim_time': ('', 'Whether to take the time from /clock.'),
    'autostart': ('', 'Whether the node configures and activates itself; true if nothing says.'),
    'log_level': ('', 'debug, info, warn, error or fatal.'),
    'model': ('', 'Model bundle: a folder, or a name in models/zoo.'),
    'backend': ('', f'Inference runtime: auto, {", ".join(RUNTIMES)}.'),
    'precision': ('', 'What OpenVINO computes in: fp32, fp16 or bf16.'),
    'referring': ('', 'Bundle that answers text prompts: a folder, or a name in models/zoo.'),
    'calibration': ('', 'Calibration file; without one, poses come from tf.'),
    'rgb_topic': ('', 'Topic of the camera images, in place of rgb/image_raw.'),
    'rgb_info_topic': ('', 'Topic of their CameraInfo, in place of rgb/camera_info.'),
    'depth_topic': ('', 'Topic of the depth images, in place of depth/image.'),
    'depth_info_topic': ('', 'Topic of their CameraInfo, in place of depth/camera_info.'),
    'event_topic': ('', 'Topic of the events, in place of event/events.'),
    'event_info_topic': ('', 'Topic of their CameraInfo, in place of event/camera_info.'),
    'lidar_topic': ('', 'Topic of the LiDAR clouds, in place of lidar/points.'),
    'odom_topic': ('', 'Topic of the odometry, in place of odom.'),
    'respawn': ('false', 'Whether to start the node again, after 2 s, when it has ended.'),
    'rviz': ('false', 'Whether to open rviz2.'),
    'fixed_frame': ('', "rviz2's fixed frame; base_link if empty."),
    'bag': ('', 'Bag to play with /clock; none if empty.'),
    'bag_rate': ('', 'How fast to play it; 1.0 if empty.'),
    'bag_loop': ('false', 'Whether to play it again and again.'),
}
RESPAWN_DELAY_S = 2.0
_BOOLS = {'true': True, '1': True, 'false': False, '0': False}


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    profile = EnvironmentVariable(
        FAST_DDS_PROFILE, default_value=str(SHARE / 'config' / 'fastdds.xml')
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            SetEnvironmentVariable(FAST_DDS_PROFILE, profile),
            OpaqueFunction(function=_processes),
        ]
    )


def _processes(context: LaunchContext) -> list[Any]:
    """Return what to start; everything is checked before the first process is there."""
    argument = {name: LaunchConfiguration(name).perform(context).strip() for name in ARGUMENTS}
    actions = [_node(argument)]
    if _is_true('rviz', argument):
        _require('rviz2', 'rviz:=true')
        actions.append(_rviz(argument))
    if argument['bag']:
        _require('ros2bag', 'bag:=...')
        actions.append(_bag(argument))
    return actions


def _node(argument: Mapping[str, str]) -> Node:
    given: dict[str, Any] = {}
    for name, (parameter, kind) in PARAMETERS.items():
        if argument[name]:
            value = _is_true(name, argument) if kind is bool else argument[name]
            given[parameter] = ParameterValue(value, value_type=kind)
    params_file = Path(argument['params_file'] or ARGUMENTS['params_file'][0]).expanduser()
    if not params_file.is_file():
        raise RuntimeError(f'params_file:={params_file} is not a file; give the path of one.')
    return Node(
        package='mmseg_ros',
        executable='segmentation_node',
        name='mmseg',
        namespace=argument['namespace'],
        output='screen',
        # A later one counts more. Only the first may hold what nobody asked for.
        parameters=[
            str(SHARE / 'launch' / 'defaults.yaml'),
            str(params_file),
            *([given] if given else []),
        ],
        remappings=[(topic, argument[name]) for name, topic in TOPICS.items() if argument[name]],
        ros_arguments=['--log-level', argument['log_level']] if argument['log_level'] else [],
        respawn=_is_true('respawn', argument),
        respawn_delay=RESPAWN_DELAY_S,
    )


def _rviz(argument: Mapping[str, str]) -> Node:
    """Return rviz2 in the node's namespace, in which its relative topics are the node's."""
    frame = ['-f', argument['fixed_frame']] if argument['fixed_frame'] else []
    clock = _is_true('use_sim_time', argument)
    return Node(
        package='rviz2',
        executable='rviz2',
        namespace=argument['namespace'],
        arguments=['-d', str(SHARE / 'config' / 'rviz' / 'mmseg.rviz'), *frame],
        parameters=[{'use_sim_time': True}] if clock else [],
    )


def _bag(argument: Mapping[str, str]) -> ExecuteProcess:
    command = ['ros2', 'bag', 'play', argument['bag'], '--clock', '100']
    if argument['bag_rate']:
        command += ['--rate', str(_positive('bag_rate', argument))]
    if _is_true('bag_loop', argument):
        command.append('--loop')
    return ExecuteProcess(cmd=command, output='screen')


def _is_true(name: str, argument: Mapping[str, str]) -> bool:
    """Return whether a yes-or-no argument is given and says yes."""
    text = argument[name].lower()
    if text and text not in _BOOLS:
        raise RuntimeError(f'{name}:={argument[name]} must be true or false.')
    return _BOOLS.get(text, False)


def _positive(name: str, argument: Mapping[str, str]) -> float:
    try:
        value = float(argument[name])
    except ValueError:
        value = 0.0
    if not 0.0 < value < float('inf'):
        raise RuntimeError(f'{name}:={argument[name]} must be a number above 0.')
    return value


def _require(package: str, asked_by: str) -> None:
    """Raise before anything runs; an error after it would leave the node behind."""
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        raise RuntimeError(
            f'{asked_by} needs the ROS package {package}, which is not installed: run '
            f'`rosdep install` as in the README, or leave {asked_by} out.'
        ) from None
