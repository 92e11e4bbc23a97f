"""`ros2 launch mmseg_ros mmseg.launch.py`: the node, and on request rviz2 and a bag."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, ExecuteProcess, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchDescription

SHARE = Path(get_package_share_directory('mmseg_ros'))
FAST_DDS_PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'

ARGUMENTS = {
    'namespace': ('', 'Namespace of the node and of its relative topics.'),
    'params_file': (str(SHARE / 'config' / 'mmseg.yaml'), 'Parameter file.'),
    'use_sim_time': ('false', 'Whether to take the time from /clock.'),
    'autostart': ('true', 'Whether the node configures and activates itself.'),
    'log_level': ('info', 'debug, info, warn, error or fatal.'),
    'model': ('stitchfusion-b0-sim', 'Model bundle: a folder, or a name in models/zoo.'),
    'backend': ('auto', 'auto, onnxruntime, openvino, tensorrt or torch.'),
    'referring': ('crossvlt-small-sim', 'Bundle that answers sentences, likewise.'),
    'rviz': ('false', 'Whether to open rviz2.'),
    'bag': ('', 'Bag to play with /clock; none if empty.'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    argument = {name: LaunchConfiguration(name) for name in ARGUMENTS}
    use_sim_time = ParameterValue(argument['use_sim_time'], value_type=bool)
    node = Node(
        package='mmseg_ros',
        executable='segmentation_node',
        name='mmseg',
        namespace=argument['namespace'],
        output='screen',
        parameters=[
            argument['params_file'],
            {
                'use_sim_time': use_sim_time,
                'autostart': ParameterValue(argument['autostart'], value_type=bool),
                'model.bundle': ParameterValue(argument['model'], value_type=str),
                'model.backend': ParameterValue(argument['backend'], value_type=str),
                'referring.bundle': ParameterValue(argument['referring'], value_type=str),
            },
        ],
        arguments=['--ros-args', '--log-level', argument['log_level']],
    )
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        namespace=argument['namespace'],
        arguments=['-d', str(SHARE / 'config' / 'rviz' / 'mmseg.rviz')],
        parameters=[{'use_sim_time': use_sim_time}],
        condition=IfCondition(argument['rviz']),
    )
    bag = ExecuteProcess(
        cmd=['ros2', 'bag', 'play', argument['bag'], '--clock', '100'],
        output='screen',
        condition=IfCondition(PythonExpression(["'", argument['bag'], "' != ''"])),
    )
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
            node,
            rviz,
            bag,
        ]
    )
